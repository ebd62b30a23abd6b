"""Blobs of golden files whose indexes declare fields: of texts, or of sparse vectors."""

import msgspec
import numpy as np

from vectord.index import mutations, state
from vectord.index.codec import decode, encode
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import new_params
from vectord.lhv1.text_fields import SPARSE, TextField

PASSAGES = (
    "The quick brown fox jumps over the lazy dog",
    "東京都に住んでいます。Tokyo is large",
    "Die Häuser der Stadt, und ein Haus",
    "Быстрая коричневая лиса",
    "สวัสดีชาวโลก hello hello hello",
    "",
    "e\u0301te\u0301 été \u2126 Ω ﬁsh",
)


def texts(name: str, sizes: Thresholds) -> bytes:
    """Return a blob with two fields of texts: 42 rows, and, if it is packed, two later commits with one piece each."""
    fields = {"body": TextField(), "of.title": TextField("german", stopwords=False), "tags": TextField(None)}
    params = new_params(name, 5, m=2, text=fields)
    items = [_item(i, _passage(i)) for i in range(47)]
    index = mutations.upsert(state.empty_index(params), items[:42])[0]
    blob = encode.encode(index, name, f"build-of-{name}", thresholds=sizes).blob
    if sizes.packed > 1:
        return blob
    for number, added in enumerate((items[42:45], [*items[45:], _item(5, _passage(50), seed=9)])):
        changed = mutations.upsert(mutations.remove(decode.open_blob(blob), [f"row-{number:02} é"])[0], added)[0]
        encoded = encode.encode(changed, name, f"commit-{number}-of-{name}", thresholds=sizes)
        start, stop = encoded.copied or (0, 0)
        blob = encoded.front + blob[start:stop]
    return blob


def sparse(name: str, sizes: Thresholds) -> bytes:
    """Return a blob with two names of sparse vectors and a field of texts, and perhaps two later pieces."""
    fields = {"splade": SPARSE, "body": TextField(), "of.second": SPARSE}
    params = new_params(name, 5, m=2, text=fields)
    items = [_item(i, _sparse_metadata(i)) for i in range(47)]
    index = mutations.upsert(state.empty_index(params), items[:42])[0]
    blob = encode.encode(index, name, f"build-of-{name}", thresholds=sizes).blob
    for number, added in enumerate((items[42:45], items[45:]) if sizes.packed == 1 else ()):
        changed = mutations.upsert(mutations.remove(decode.open_blob(blob), [f"row-{number:02} é"])[0], added)[0]
        encoded = encode.encode(changed, name, f"commit-{number}-of-{name}", thresholds=sizes)
        start, stop = encoded.copied or (0, 0)
        blob = encoded.front + blob[start:stop]
    return blob


def samples(name: str) -> bytes:
    """Return a blob whose section `text` is large enough for samples: 42 rows, and later a small piece."""
    sizes = Thresholds(packed=1, tail_rows=1_000, part=0)
    params = new_params(name, 5, m=2, text={"body": TextField(), "title": TextField(None)})
    items = [_item(i, _many_words(i)) for i in range(45)]
    index = mutations.upsert(state.empty_index(params), items[:42])[0]
    blob = encode.encode(index, name, f"build-of-{name}", thresholds=sizes).blob
    changed = mutations.upsert(mutations.remove(decode.open_blob(blob), ["row-01 é"])[0], items[42:])[0]
    encoded = encode.encode(changed, name, f"commit-of-{name}", thresholds=sizes)
    start, stop = encoded.copied or (0, 0)
    return encoded.front + blob[start:stop]


def _many_words(row: int) -> bytes:
    """Return the metadata of a row, which has 60 words that no other row has."""
    words = " ".join(f"word{1_103_515_245 * (60 * row + n) % 2**31:010}" for n in range(60))
    return msgspec.json.encode({"body": f"{PASSAGES[row % len(PASSAGES)]} {words}", "title": f"t{row}", "n": row})


def _sparse_metadata(row: int) -> bytes:
    """Return the metadata of a row; each fifth row has no sparse vector, and each third only one."""
    metadata: dict[str, object] = {"body": PASSAGES[row % len(PASSAGES)], "n": row}
    if row % 5:
        metadata["splade"] = {"indices": [2**32 - 1 - row, row % 4, 300], "values": [0.1, -row, 1 / (row + 1)]}
    if row % 3:
        metadata["of"] = {"second": {"indices": [row], "values": [3e38]}}
    return msgspec.json.encode(metadata)


def _item(row: int, metadata: bytes | None, seed: int | None = None) -> Item:
    """Return a row, whose vector is drawn from its number or from `seed`."""
    vector = np.random.default_rng(row if seed is None else seed).normal(size=5).astype(np.float32)
    return Item(f"row-{row:02} é", vector, None if metadata is None else msgspec.Raw(metadata))


def _passage(row: int) -> bytes | None:
    """Return the metadata of a row; each ninth row has none, and each eleventh has a word up to 308 times."""
    if row % 9 == 8:
        return None
    text = PASSAGES[row % len(PASSAGES)]
    return msgspec.json.encode(
        {
            "body": [text, f"word{row % 5} " * (7 * row if row % 11 == 0 else row % 3)],
            "of": {"title": text},
            "tags": [f"t{row}", {"x": "no"}],
            "n": row,
        }
    )
