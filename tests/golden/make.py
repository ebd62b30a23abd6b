"""Write the golden files of a new format version; run once per version.

The files define the format. A change that reads them differently is a new version with a folder of its own.
"""

import sys
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs

from tests.golden import fields
from vectord.forest import forest
from vectord.index import mutations, rows, state
from vectord.index.codec import decode, encode
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.writer import pack_columns
from vectord.index.kernels.codes import mean_of
from vectord.index.kernels.distance import F32
from vectord.index.sections.documents_writer import pack_documents
from vectord.index.sections.graph import layout_of
from vectord.index.sections.parts_writer import Partitioning, pack
from vectord.index.sections.piece_writer import pack as pack_piece
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame, parts_copy
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Distance, Embedding, new_params
from vectord.lhv1.parts_shape import ColdPoint, PartsShape, WarmPoint


def _blob(name: str, distance: str, items: list[rows.Item], dimension: int = 3) -> bytes:
    empty = state.empty_index(new_params(name, dimension, distance=distance))
    return encode.encode(mutations.upsert(empty, items)[0], name, f"commit-of-{name}").blob


def _packed(name: str, distance: str, dimension: int, padded: int) -> bytes:
    """Return a blob of the packed form: 40 rows in the graph, 3 and 2 more in two tails, some replaced or deleted."""
    sizes = Thresholds(packed=1, tail_rows=1_000, part=padded)
    drawn = np.random.default_rng(dimension).normal(size=(45, dimension))
    items = [
        _item(f"row-{i:02} é", *row, metadata=b'{"row": %d}' % i if i % 3 else None) for i, row in enumerate(drawn)
    ]
    index = mutations.upsert(state.empty_index(new_params(name, dimension, m=2, distance=distance)), items[:40])[0]
    blob = encode.encode(index, name, f"build-of-{name}", thresholds=sizes).blob
    steps = [
        lambda index: mutations.upsert(index, [*items[40:42], _item("row-05 é", *drawn[42], metadata=b'"replaced"')])[
            0
        ],
        lambda index: mutations.remove(index, ["row-07 é", "row-10 é", "row-41 é"])[0],
        lambda index: mutations.upsert(index, [items[43], _item("row-10 é", *drawn[44])])[0],
    ]
    for number, step in enumerate(steps):
        encoded = encode.encode(step(decode.open_blob(blob)), name, f"commit-{number}-of-{name}", thresholds=sizes)
        start, stop = encoded.copied or (0, 0)
        blob = encoded.front + blob[start:stop]
    return blob


def _columns() -> bytes:
    """Return a blob of the packed form whose columns use every encoding."""
    drawn = np.random.default_rng(9).normal(size=(40, 3))
    items = [_item(f"row-{i:02}", *row, metadata=_document(i)) for i, row in enumerate(drawn)]
    index = mutations.upsert(state.empty_index(new_params("columns", 3, m=2)), items)[0]
    return encode.encode(index, "columns", "build-of-columns", thresholds=Thresholds(packed=1, part=0)).blob


def _bucket_index(name: str, thresholds: Thresholds) -> bytes:
    """Return a blob of an index of a vector bucket."""
    stored = BucketIndex(1_790_000_000, ("text", "é" * 63), {"project": "films", "team/größe": ""}, "CLASSIC")
    drawn = np.random.default_rng(4).normal(size=(8, 3))
    items = [_item(f"row-{i}", *row, metadata=b'{"row": %d}' % i) for i, row in enumerate(drawn)]
    empty = structs.replace(state.empty_index(new_params(name, 3)), bucket_index=stored)
    return encode.encode(mutations.upsert(empty, items)[0], name, f"commit-of-{name}", thresholds=thresholds).blob


def _embedding(name: str) -> bytes:
    """Return a blob of an index that records its embedding model."""
    embedding = Embedding("org/mödel-7b", "Instruct: find\nQuery: ", "passage: ")
    drawn = np.random.default_rng(6).normal(size=(8, 3))
    items = [_item(f"row-{i}", *row, metadata=b'{"row": %d}' % i) for i, row in enumerate(drawn)]
    index = mutations.upsert(state.empty_index(new_params(name, 3, embedding=embedding)), items)[0]
    return encode.encode(index, name, f"commit-of-{name}", thresholds=Thresholds(packed=1, part=0)).blob


def _parts(name: str, distance: Distance, dimension: int) -> bytes:
    """Return a blob with partitions: 60 rows in the graph, 2 more in a tail, one replaced and one deleted."""
    drawn = np.random.default_rng(dimension).normal(size=(62, dimension)).astype(np.float32)
    drawn[:10] = drawn[0]  # rows of a partition that has two pages
    items = [_item(f"row-{i:02} é", *drawn[i], metadata=b'{"row": %d}' % i if i % 3 else None) for i in range(62)]
    envelope, sections = _base_with_parts(name, distance, items[:60])
    built = frame.encode_head(envelope) + b"".join(sections)
    sizes = Thresholds(packed=1, tail_rows=1_000, part=0)
    replaced = _item("row-05 é", *drawn[60], metadata=b'"replaced"')
    changed = mutations.remove(mutations.upsert(decode.open_blob(built), [replaced, items[61]])[0], ["row-07 é"])[0]
    encoded = encode.encode(changed, name, f"commit-of-{name}", thresholds=sizes)
    start, stop = encoded.copied or (0, 0)
    return encoded.front + built[start:stop]


def _base_with_parts(name: str, distance: Distance, items: list[rows.Item]) -> tuple[Envelope, list[bytes]]:
    """Return the envelope and the sections of an index that was just built over 60 rows."""
    vectors = np.array([each.vector for each in items])
    params = new_params(name, vectors.shape[1], m=2, distance=distance)
    partitioning = _partitioning(vectors, distance)
    order = partitioning.order.tolist()
    in_graph = [items[row] for row in order]
    metadata = {each.id: each.metadata for each in in_graph if each.metadata is not None}
    sections = {
        "parts": pack(vectors, partitioning, distance),
        "columns": pack_columns(collect_columns([each.metadata for each in in_graph])),
        "rows": pack_documents([each.id for each in in_graph], metadata),
        "graph": bytes(forest.build(vectors[order], layout_of(params), params.m)[0]),
    }
    entries = frame.section_entries(sections, f"build-of-{name}")
    curves = PartsShape(
        *(partitioning.shape.partitions, partitioning.shape.entries),
        warm=(WarmPoint(1, 20, 17, 0.5, 0.25), WarmPoint(6, 60, partitioning.shape.entries, 1.0, 1.0)),
        cold=(ColdPoint(6, 60, 1, 1.0, 1.0),),
    )
    envelope = Envelope(
        *(frame.VERSION, params),
        sections=[entry for entry, _ in entries],
        commit=f"build-of-{name}",
        graph_rows=60,
        parts=curves,
    )
    return envelope, [bytes(data) for _, data in entries]


def _pieces(name: str, distance: Distance, dimension: int) -> bytes:
    """Return a blob with partitions and three pieces: of 60 rows in the graph and 22 added ones, 5 are removed.

    The oldest piece has codes about another mean than the partitions. An id of the graph and one of a piece were added
    again, and one of each deleted.
    """
    drawn = np.random.default_rng(dimension).normal(size=(82, dimension)).astype(np.float32)
    numbers = [*range(62), 5, 7, *range(62, 79), 61]  # of the ids; rows 5, 7 and 61 are replaced by rows 62, 63, 81
    items = [
        _item(f"row-{i:02} é", *drawn[row], metadata=b'{"row": %d}' % row if row % 3 else None)
        for row, i in enumerate(numbers)
    ]
    envelope, sections = _base_with_parts(name, distance, items[:60])
    order = _partitioning(drawn[:60], distance).order.tolist()
    mean = mean_of(drawn[:60], distance, np.array(order))
    oldest, middle = _piece(items[60:62], None, distance), _piece(items[62:79], mean, distance)
    pieces = [_piece(items[79:], mean, distance), middle, oldest]
    removed = sorted([order.index(5), order.index(7), order.index(33), 61, 70])
    return _blob_with_pieces(name, structs.replace(envelope, removed=removed, pieces=[3, 17, 2]), pieces, sections)


def _parts_head(name: str) -> bytes:
    """Return a blob with a copy of the head of the partitions in front of its two pieces."""
    drawn = np.random.default_rng(12).normal(size=(64, 40)).astype(np.float32)
    items = [_item(f"row-{i:02} é", *drawn[i], metadata=b'{"row": %d}' % i if i % 3 else None) for i in range(64)]
    envelope, sections = _base_with_parts(name, "cosine", items[:60])
    mean = np.frombuffer(sections[0], "<f4", 40, 20)
    copy = parts_copy.pack(sections[0][: parts_copy.copy_size(100, len(sections[0]), 1 << 20)], 5_000, 64)
    [(entry, _)] = frame.section_entries({"parts-head": copy}, f"commit-1-of-{name}")
    pieces = [_piece(items[62:], mean, "cosine"), _piece(items[60:62], mean, "cosine")]
    listed = structs.replace(envelope, pieces=[2, 2], removed=[61])
    blob = _blob_with_pieces(name, listed, pieces, sections)
    written = frame.decode(blob)[0]
    envelope = structs.replace(written.envelope, sections=[entry, *written.envelope.sections])
    return frame.encode_head(envelope) + copy + blob[written.body_start :]


def _unbuilt(name: str) -> bytes:
    """Return a euclidean blob with pieces alone; the rows of the newest one are too long for codes."""
    drawn = np.random.default_rng(8).normal(size=(22, 5)).astype(np.float32)
    drawn[18:] *= np.float32(2.0**33)
    items = [_item(f"row-{i:02} é", *drawn[i], metadata=b'{"row": %d}' % i if i % 3 else None) for i in range(22)]
    pieces = [_piece(items[18:], None, "euclidean"), _piece(items[:18], None, "euclidean")]
    params = new_params(name, 5, m=2, distance="euclidean")
    return _blob_with_pieces(name, Envelope(frame.VERSION, params, pieces=[4, 18], removed=[3]), pieces, [])


def _piece(items: list[rows.Item], mean: F32 | None, distance: Distance) -> bytes:
    metadata = {each.id: each.metadata for each in items if each.metadata is not None}
    return pack_piece([each.id for each in items], metadata, np.array([each.vector for each in items]), mean, distance)


def _blob_with_pieces(name: str, envelope: Envelope, pieces: list[bytes], sections: list[bytes]) -> bytes:
    """Return a blob of an envelope that lists `sections`, with pieces in front of them; it is padded."""
    numbered = reversed(list(enumerate(reversed(pieces))))
    entries = [frame.section_entry("piece", f"commit-{number}-of-{name}/piece", piece) for number, piece in numbered]
    envelope = structs.replace(
        envelope, sections=[*entries, *envelope.sections], commit=f"commit-{len(pieces) - 1}-of-{name}"
    )
    return frame.encode_head(envelope, 2_500) + b"".join((*pieces, *sections))


def _partitioning(vectors: F32, distance: Distance) -> Partitioning:
    """Return partitions around five rows, the first of them in two pages; every third row is spilled."""
    scaled = vectors / np.linalg.norm(vectors, axis=1)[:, None] if distance == "cosine" else vectors
    far = np.linalg.norm(scaled[:, None, :] - scaled[None, [0, 20, 30, 40, 50], :], axis=2)
    nearest = np.argsort(far, axis=1)
    order = np.argsort(nearest[:, 0], kind="stable")
    first, second = nearest[order, 0] + 1, nearest[order, 1] + 1
    first[: np.count_nonzero(first == 1) // 2] = 0  # the first page
    entries = []
    for number in range(6):
        spilled = np.flatnonzero((second == number) & (np.arange(len(vectors)) % 3 == 0))
        entries.append(np.concatenate([np.flatnonzero(first == number), spilled]))
    centroids = np.array([scaled[order][each].mean(axis=0) for each in entries], np.float32)
    centroids[0] = centroids[1]
    bounds = np.cumsum([0, *map(len, entries)])
    return Partitioning(centroids, order, np.searchsorted(first, np.arange(7)), np.concatenate(entries), bounds)


def _document(row: int) -> bytes:
    optional = {
        0: {"small": row, "empty": {}},
        1: {"large": 2**60 + row, "half": row / 2},
        2: {"long": "é" * 60 + "x" * (row // 3), "flag": row % 2 == 0},
        3: {"tags": ["even" if row % 2 == 0 else "odd", None, row * 1_000], "deep": {"é": [{"n": -row}, {"n": row}]}},
    }
    return msgspec.json.encode({"kind": f"kind {row % 5}", **optional[row % 4]})


def _item(vector_id: str, *components: float, metadata: bytes | None = None) -> rows.Item:
    return rows.Item(vector_id, np.array(components, np.float32), None if metadata is None else msgspec.Raw(metadata))


def main(folder: Path) -> None:
    """Write every golden file that does not exist in `folder`."""
    three = [
        _item("a", 1, 0, 0, metadata=b'{"kind": "axis", "tags": ["x", null, 1.50]}'),
        _item("b/%2F + é", 0.5, 0.5, 0, metadata=b"[]"),
        _item("漢字 \U0001f600", -0.0, 1e-40, 3.25),
    ]
    many = [_item(f"row-{i:03}", *v) for i, v in enumerate(np.random.default_rng(1).normal(size=(200, 3)))]
    blobs = {
        "empty": _blob("empty", "cosine", []),
        "cosine": _blob("cosine", "cosine", three),
        "euclidean": _blob("euclidean", "euclidean", three),
        "forest": _blob("forest", "cosine", many),
        "packed": _packed("packed", "cosine", 33, 2_500),
        "packed-euclidean": _packed("packed-euclidean", "euclidean", 3, 0),
        "columns": _columns(),
        "bucket-index": _bucket_index("bucket-index", Thresholds()),
        "packed-bucket-index": _bucket_index("packed-bucket-index", Thresholds(packed=1, part=0)),
        "packed-embedding": _embedding("packed-embedding"),
        "parts": _parts("parts", "cosine", 71),
        "parts-euclidean": _parts("parts-euclidean", "euclidean", 32),
        "pieces": _pieces("pieces", "cosine", 71),
        "pieces-unbuilt": _unbuilt("pieces-unbuilt"),
        "parts-head": _parts_head("parts-head"),
        "texts": fields.texts("texts", Thresholds(packed=1, tail_rows=1_000, part=0)),
        "texts-plain": fields.texts("texts-plain", Thresholds()),
        "text-samples": fields.samples("text-samples"),
        "sparse": fields.sparse("sparse", Thresholds(packed=1, tail_rows=1_000, part=0)),
        "sparse-plain": fields.sparse("sparse-plain", Thresholds()),
    }
    for name, blob in blobs.items():
        path = folder / f"{name}.lhv1"
        if not path.exists():
            path.write_bytes(blob)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
