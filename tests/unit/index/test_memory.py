"""How much memory an opened index is said to take besides its sections."""

import numpy as np

from tests.support import vectors as v
from tests.support.sections import PackedIndex, packed
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.memory import memory_bytes
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds

ROW = 4 * 40  # bytes of a vector


def some(first: int, stop: int) -> list[Item]:
    drawn = np.random.default_rng(first).normal(size=(stop - first, 40)).astype(np.float32)
    return [v.item(f"row-{row}", vector) for row, vector in enumerate(drawn, first)]


def built(part: int = 256) -> PackedIndex:
    return packed(some(0, 500), 40, Thresholds(packed=1, tail_rows=1 << 30, part=part))


def test_a_plain_index_takes_its_envelope() -> None:
    index = mutations.upsert(v.empty(40), some(0, 20))[0]
    opened = decode.open_blob(encode.encode(index, "t", "c").blob)
    assert memory_bytes(opened) == opened.body_start


def test_a_packed_index_takes_nothing_and_no_padding_counts() -> None:
    written = built(part=100_000)
    assert memory_bytes(written.index) == 0
    written.remove("row-3", "row-4")
    assert written.index.body_start >= 100_000
    assert memory_bytes(written.index) == 2 * 64


def test_of_one_piece_the_codes_count_because_its_vectors_are_in_the_section() -> None:
    written = built()
    written.add(*some(500, 600))
    [piece] = written.index.tail.pieces
    assert memory_bytes(written.index) == 2 * piece.head[1]


def test_of_several_pieces_the_joined_vectors_count_too() -> None:
    written = built()
    written.add(*some(500, 600))
    written.add(*some(600, 700))
    pieces = written.index.tail.pieces
    assert len(pieces) == 2
    assert memory_bytes(written.index) == 2 * sum(piece.head[1] for piece in pieces) + 200 * ROW


def test_rows_that_are_not_written_yet_take_their_vectors() -> None:
    index = mutations.upsert(v.empty(40), some(0, 20))[0]
    assert memory_bytes(index) == 20 * ROW
