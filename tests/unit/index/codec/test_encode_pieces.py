"""The pieces of a packed index: when a commit writes one, writes it again or merges several."""

import pytest

from tests.support import vectors as v
from tests.support.packed_rows import as_added, names, some, stored
from tests.support.sections import packed
from tests.support.vectors import item
from vectord.index.thresholds import Thresholds, pieces_to_keep
from vectord.lhv1 import frame


def test_an_add_writes_a_head_and_a_piece_and_copies_the_rest() -> None:
    written = packed(some(0, 50))
    before = written.blob
    encoded = written.add(*some(50, 53))
    assert [entry.name for entry, _ in encoded.sections] == ["piece"]
    assert encoded.copied is not None
    assert before[encoded.copied[0] : encoded.copied[1]] == before[-(encoded.copied[1] - encoded.copied[0]) :]
    assert names(written) == ["piece", "parts", "columns", "rows", "graph"]
    assert (written.envelope.pieces, written.envelope.ids, written.envelope.metadata) == ([3], [], {})
    assert stored(written.index) == as_added(some(0, 50) + some(50, 53))


def test_each_add_writes_a_piece_in_front_of_those_that_are_as_large_as_a_part() -> None:
    written = packed(some(0, 50))
    for first, last in ((50, 60), (60, 71), (71, 83)):
        written.add(*some(first, last))
    assert names(written) == ["piece", "piece", "piece", "parts", "columns", "rows", "graph"]
    assert written.envelope.pieces == [12, 11, 10]
    assert list(stored(written.index)) == [*stored(packed(some(0, 50)).index), *(f"row-{row}" for row in range(50, 83))]


def test_a_piece_grows_in_place_of_padding_and_then_another_one_begins() -> None:
    written = packed(some(0, 50), thresholds=Thresholds(packed=1, tail_rows=1 << 30, part=5_000))
    counts, added = [], some(0, 50)
    for first in range(50, 250, 10):
        added += some(first, first + 10)
        assert 5_000 <= len(written.add(*some(first, first + 10)).front) < 6_000  # with an envelope of 800
        counts.append(written.envelope.pieces)
    assert counts[:3] == [[10], [20], [30]]
    assert len(written.index.tail_entries) > 1
    assert stored(written.index) == as_added(added)


def test_pieces_and_what_follows_them_are_aligned() -> None:
    written = packed(some(0, 50))
    for first, last in ((50, 61), (61, 73), (73, 80)):
        written.add(*some(first, last))
    head, _ = frame.decode(written.blob)
    places = zip(head.envelope.sections, head.section_starts(), strict=True)
    starts = {entry.id: start for entry, start in places if entry.name in {"piece", "parts"}}
    assert len(starts) == 4
    assert {start % 64 for start in starts.values()} == {0}


def test_a_small_piece_is_written_again_with_rows_that_need_more_than_a_part() -> None:
    written = packed(some(0, 50), thresholds=Thresholds(packed=1, tail_rows=1 << 30, part=5_000))
    written.add(*some(50, 52))
    written.add(*some(60, 160))
    assert written.envelope.pieces == [102]


def test_the_codes_of_all_pieces_are_about_the_mean_of_the_partitions() -> None:
    written = packed(some(0, 50, 40), 40)
    for first in (50, 60):
        written.add(*some(first, first + 10, 40))
    base = written.index.base
    assert base is not None
    assert base.parts is not None
    assert len(written.index.tail.pieces) == 2
    assert all(piece.codes_about(base.parts.stored_mean) for piece in written.index.tail.pieces)


def test_a_removal_from_a_tail_keeps_its_pieces_and_the_numbers_of_their_rows() -> None:
    written = packed(some(0, 50))
    written.add(*some(50, 60))
    pieces = written.envelope.sections[:1]
    encoded = written.remove("row-52")
    assert (encoded.sections, written.envelope.sections[:1], written.envelope.removed) == ((), pieces, [52])
    written.add(item("row-52", [1, 2, 3]))
    assert stored(written.index)["row-52"] == (v.f32([1, 2, 3]).tobytes(), None)


def test_a_piece_that_is_written_again_has_no_metadata_of_removed_rows() -> None:
    written = packed(some(0, 50), thresholds=Thresholds(packed=1, tail_rows=1 << 30, part=4_000))
    written.add(item("x", [1, 2, 3], "of a removed row"), item("y", [3, 2, 1], "of a live row"))
    written.remove("x")
    written.add(item("z", [1, 1, 1]))
    assert b"of a live row" in written.blob
    assert b"of a removed row" not in written.blob


def test_more_pieces_than_allowed_are_merged_and_no_row_is_lost() -> None:
    written = packed(some(0, 20), thresholds=Thresholds(packed=1, tail_rows=1 << 30, pieces=3, part=256))
    counts, added = [], some(0, 20)
    for first in range(20, 220, 10):
        added += some(first, first + 10)
        written.add(*some(first, first + 10))
        counts.append(names(written).count("piece"))
    assert counts[:5] == [1, 2, 3, 4, 1]
    assert max(counts) == 4
    assert stored(written.index) == as_added(added)


@pytest.mark.parametrize(("commits", "most", "in_total"), [(250, 25, 1.0), (1_000, 350, 2.0)])
def test_a_row_of_a_tail_is_seldom_written_again(commits: int, most: int, in_total: float) -> None:
    limit, sizes, merges = 24, list[int](), []
    for _ in range(commits):
        kept = pieces_to_keep(sizes, limit) if len(sizes) > limit else len(sizes)
        merges.append(sum(sizes[kept:]))
        sizes[kept:] = [merges[-1] + 1]
        assert len(sizes) <= limit + 1
    assert max(merges) <= most
    assert sum(merges) <= in_total * commits


def test_the_bytes_before_copied_ones_are_padded_to_a_part_and_not_more() -> None:
    written = packed(some(0, 20), thresholds=Thresholds(packed=1, tail_rows=1 << 30, part=5_000))
    for first in (20, 21):
        assert 5_000 <= len(written.add(*some(first, first + 1)).front) < 5_064
    assert 5_000 <= len(written.remove("row-20").front) < 5_064
    encoded = written.add(*some(30, 200))
    assert len(encoded.front) > 5_064
    assert not encoded.head.endswith(b" " * 64)
