"""Room for the head of a blob whose vectors are written before their head is known."""

import msgspec
import numpy as np
import pytest

from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.rows import Rows
from vectord.index.state import empty_index
from vectord.lhv1.params import Params

IDS = {
    "digits": [f"{row}" for row in range(2_000)],
    "escaped": [f'"\\\n\x01\x7f{row}' for row in range(500)],
    "other scripts": [f"фильм-电影-🎬-{row}" for row in range(500)],
    "longest": [f"{row:01024}" for row in range(200)],
}


def encoded(ids: list[str], text: bytes | None) -> PreparedBlob:
    index = empty_index(Params("films", 3))
    metadata = {} if text is None else dict.fromkeys(ids, msgspec.Raw(text))
    rows = Rows(ids, np.ones((len(ids), 3), np.float32), metadata)
    return encode.encode(mutations.upsert_rows(index, rows)[0], "films", "c", rebuild=False)


@pytest.mark.parametrize("text", [None, b'{"year": 1979}', b'"\xc3\xa9"'], ids=["none", "object", "utf-8"])
@pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
def test_the_head_of_rows_fits_into_their_room(ids: list[str], text: bytes | None) -> None:
    size, room = len(encoded(ids, text).head), encode.room_for_head(ids, [text] * len(ids))
    assert size <= room
    assert room % 4_096 == 0
    assert room - size < encode.OTHER_ROOM + 4_096 + 8 * len(ids) + sum(map(len, map(msgspec.json.encode, ids)))


def test_a_longer_head_changes_no_row() -> None:
    blob = encoded(IDS["digits"], b"1")
    longer = blob.with_longer_head(1_000)
    assert len(longer.blob) == longer.size == blob.size + 1_000
    before, after = decode.open_blob(blob.blob), decode.open_blob(longer.blob)
    assert (after.rows.ids, after.rows.metadata) == (before.rows.ids, before.rows.metadata)
    assert np.array_equal(after.rows.vectors, before.rows.vectors)
    assert after.body_start == before.body_start + 1_000
