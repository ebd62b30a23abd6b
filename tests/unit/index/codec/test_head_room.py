"""An offset for vectors that are written before the bytes in front of them are known."""

import msgspec
import numpy as np
import pytest

from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.rows import Rows
from vectord.index.state import Index, empty_index
from vectord.lhv1.params import Params

PAGE = 4_096


def added(rows: int, dimension: int = 3) -> Index:
    ids = [f"{row}" for row in range(rows)]
    metadata = dict.fromkeys(ids[::2], msgspec.Raw(b'{"year": 1979}'))
    vectors = np.random.default_rng(5).standard_normal((rows, dimension)).astype(np.float32)
    return mutations.upsert_rows(empty_index(Params("films", dimension)), Rows(ids, vectors, metadata))[0]


def encoded(index: Index, *, codes: bool = True) -> PreparedBlob:
    return encode.encode(index, "films", "c", rebuild=False, codes_before_build=codes)


def before_vectors(blob: PreparedBlob) -> int:
    head, piece_head, *_ = blob.parts
    return len(head) + len(piece_head)


@pytest.mark.parametrize("codes", [True, False])
@pytest.mark.parametrize(("rows", "dimension"), [(1, 1), (2_000, 3), (70_000, 3), (1_000, 384)])
def test_vectors_start_before_the_offset_for_them(rows: int, dimension: int, codes: bool) -> None:
    used, offset = (
        before_vectors(encoded(added(rows, dimension), codes=codes)),
        encode.room_for_vectors(rows, dimension),
    )
    assert used <= offset
    assert offset % PAGE == 0
    assert offset - used < encode.OTHER_ROOM + PAGE


def test_the_vectors_are_a_part_in_the_memory_of_the_caller() -> None:
    index = added(100)
    assert index.tail.fresh is not None
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), index.tail.fresh) for part in encoded(index).parts)


def test_a_longer_head_changes_no_row() -> None:
    blob = encoded(added(2_000))
    longer = blob.with_longer_head(1_000)
    assert len(longer.blob) == longer.size == blob.size + 1_000
    before, after = decode.open_blob(blob.blob), decode.open_blob(longer.blob)
    assert (after.rows.ids, after.rows.metadata) == (before.rows.ids, before.rows.metadata)
    assert np.array_equal(after.rows.vectors, before.rows.vectors)
    assert after.body_start == before.body_start + 1_000


def test_a_piece_without_codes_has_the_same_rows_and_is_as_long() -> None:
    index = added(2_000)
    with_codes, without = encoded(index), encoded(index, codes=False)
    [piece] = decode.open_blob(without.blob).tail.pieces
    assert (piece.codes, without.size) == (None, with_codes.size)
    rows = decode.open_blob(without.blob).rows
    assert (rows.ids, rows.metadata) == (index.rows.ids, index.rows.metadata)
    assert np.array_equal(rows.vectors, index.rows.vectors)
