"""The packed form: what a build and each commit write, and what another process reads."""

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.packed_rows import as_added, names, some, stored
from tests.support.sections import PackedIndex, packed
from tests.support.vectors import item
from vectord.errors import BlobCorrupt
from vectord.index import mutations
from vectord.index import rows as index_rows
from vectord.index.codec import decode, encode
from vectord.index.query import search
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame


def test_a_packed_index_is_read_back_bit_for_bit() -> None:
    items = some(0, 100)
    assert stored(packed(items).index) == as_added(items)


def test_a_packed_index_lists_its_rows_in_a_section_and_none_in_the_envelope() -> None:
    written = packed(some(0, 100, 40), 40)
    assert names(written) == ["parts", "columns", "rows", "graph"]
    assert (written.envelope.graph_rows, written.envelope.ids, written.envelope.metadata) == (100, [], {})


def test_an_index_of_few_dimensions_has_partitions_with_one_entry_for_each_row() -> None:
    written = packed(some(0, 100, 8), 8)
    assert names(written) == ["parts", "columns", "rows", "graph"]
    assert written.envelope.parts
    assert written.envelope.parts.entries == 100


def test_vectors_whose_squares_overflow_float32_are_stored_without_partitions() -> None:
    items = [item(f"row-{row}", np.full(40, 10.0 ** (row - 30)), row) for row in range(60)]
    written = packed(items, 40)
    assert names(written) == ["rows", "graph"]
    assert stored(written.index) == as_added(items)


@pytest.mark.parametrize("bytes_of_rows", [Thresholds().packed - 1, Thresholds().packed])
@pytest.mark.slow
def test_an_index_is_packed_from_16_mib_on(bytes_of_rows: int) -> None:
    dimension = 4_096
    rows, rest = divmod(bytes_of_rows, 12 + 4 * dimension)
    vectors = np.random.default_rng(1).standard_normal((rows, dimension)).astype(np.float32)
    items = [index_rows.Item(f"{row:05}", vector) for row, vector in enumerate(vectors)]
    padding = rest - 5 * rows  # of metadata, so that the size is exactly what is asked for
    while padding < 2:
        items.pop()
        padding += 12 + 4 * dimension + 5
    items[0] = item(items[0].id, items[0].vector, "x" * (padding - 2))
    encoded = encode.encode(mutations.upsert(v.empty(dimension, m=1), items)[0], "t", "c")
    assert (encoded.sections[0][0].name == "graph") == (bytes_of_rows < Thresholds().packed)


def test_a_removal_writes_only_a_head() -> None:
    written = packed(some(0, 50))
    encoded = written.remove("row-7", "row-30")
    assert encoded.sections == ()
    assert len(written.envelope.removed) == 2
    assert stored(written.index).keys() == as_added(some(0, 50)).keys() - {"row-7", "row-30"}


def test_a_replaced_row_is_removed_from_the_base_and_added_to_the_tail() -> None:
    written = packed(some(0, 50))
    written.add(item("row-3", [1, 2, 3]), item("row-3", [3, 2, 1]))
    assert (len(written.envelope.removed), v.tail_ids(written.index), len(written.index)) == (1, ["row-3"], 50)
    assert stored(written.index)["row-3"] == (v.f32([3, 2, 1]).tobytes(), b'{"row": 3}')


def test_a_row_of_the_tail_can_be_replaced_deleted_and_added_again() -> None:
    written = packed(some(0, 20))
    for step, vector in enumerate(([1, 0, 0], [0, 1, 0], [0, 0, 1])):
        written.add(item("x", vector, step))
    assert stored(written.index)["x"] == (v.f32([0, 0, 1]).tobytes(), b"2")
    written.remove("x")
    assert "x" not in stored(written.index)
    written.add(item("x", [5, 5, 5]))
    assert stored(written.index)["x"] == (v.f32([5, 5, 5]).tobytes(), None)
    assert len(written.index) == 21


def test_metadata_of_a_packed_row_is_kept_when_only_its_vector_is_replaced() -> None:
    written = packed(some(0, 50))
    written.add(item("row-9", [1, 1, 1]))
    assert v.metadata(written.index)["row-9"] == {"row": 9}
    written.add(item("row-9", [1, 1, 2], {"new": True}))
    assert v.metadata(written.index)["row-9"] == {"new": True}


@pytest.mark.parametrize("share", [1, 4])
def test_a_build_is_due_when_the_tail_outgrows_its_share(share: int) -> None:
    written = packed(
        some(0, 40), thresholds=Thresholds(packed=1, tail_rows=3, tail_share=40 // share // 2 or 1, part=256)
    )
    limit = max(3, 40 // written.thresholds.tail_share)
    written.add(*some(40, 40 + limit))
    assert names(written) == ["piece", "parts", "columns", "rows", "graph"]
    written.add(*some(60, 61))
    assert names(written) == ["parts", "columns", "rows", "graph"]
    assert (written.envelope.graph_rows, written.envelope.removed) == (40 + limit + 1, [])


def test_a_build_is_due_when_too_many_are_removed() -> None:
    written = packed(some(0, 80), thresholds=Thresholds(packed=1, tail_rows=2, removed_share=8, part=256))
    written.remove(*(f"row-{row}" for row in range(10)))
    assert written.envelope.graph_rows == 80
    written.remove("row-10")
    assert (written.envelope.graph_rows, written.envelope.removed) == (69, [])


@pytest.mark.parametrize("rebuild", [True, False])
def test_a_build_can_be_requested_or_postponed(rebuild: bool) -> None:
    written = packed(some(0, 40), thresholds=Thresholds(packed=1, tail_rows=1, tail_share=1_000, part=256))
    written.commit(mutations.upsert(written.index, some(40, 45))[0], rebuild=rebuild)
    assert ("piece" in names(written)) == (not rebuild)
    assert stored(written.index) == as_added(some(0, 40) + some(40, 45))


def test_after_the_last_removal_an_index_is_only_an_envelope_and_can_be_filled_again() -> None:
    written = packed(some(0, 5))
    written.add(*some(5, 7))
    written.remove(*stored(written.index))
    assert (names(written), len(written.index), written.envelope.removed) == ([], 0, [])
    written.add(*some(0, 5))
    assert stored(written.index) == as_added(some(0, 5))


def test_an_index_that_shrinks_below_the_threshold_becomes_plain() -> None:
    written = packed(some(0, 100), thresholds=Thresholds(packed=1_000, tail_rows=2, removed_share=2, part=256))
    assert names(written) == ["parts", "columns", "rows", "graph"]
    written.remove(*(f"row-{row}" for row in range(90)))
    assert (names(written), len(written.envelope.ids)) == (["graph"], 10)


def test_a_section_keeps_its_id_until_it_is_rebuilt() -> None:
    written = packed(some(0, 20))
    built = [entry.id for entry in written.envelope.sections]
    written.add(*some(20, 22))
    assert [entry.id for entry in written.envelope.sections][-len(built) :] == built
    written.commit(written.index, rebuild=True)
    assert not {entry.id for entry in written.envelope.sections} & set(built)


def test_an_unchanged_base_is_shared_with_the_earlier_state() -> None:
    written = packed(some(0, 20))
    before = written.index
    assert before.base is not None
    written.add(*some(20, 22))
    head, parts = frame.decode(written.blob)
    of_base = {"graph": before.base.graph.section}
    sections = {entry: of_base.get(entry.name) or v.section(data) for entry, data in parts.items()}
    kept = decode.open_head(head, sections.__getitem__, before.fetch, before)
    assert kept.base is before.base
    other = decode.open_head(
        head, {entry: v.section(data) for entry, data in parts.items()}.__getitem__, NOTHING_TO_FETCH, before
    )
    assert other.base is not before.base


def test_a_change_does_not_alter_the_earlier_state() -> None:
    written = packed(some(0, 20))
    first, blob = written.index, written.blob
    written.add(*some(5, 25))
    written.remove("row-1", "row-22")
    assert stored(first) == as_added(some(0, 20))
    assert decode.open_blob(blob).rows.vectors.tobytes() == first.rows.vectors.tobytes()


def test_a_plain_index_grows_into_a_packed_one() -> None:
    written = PackedIndex(mutations.upsert(v.empty(3), some(0, 10))[0], Thresholds(packed=800, part=256))
    assert names(written) == ["graph"]
    written.add(*some(10, 60))
    assert names(written) == ["parts", "columns", "rows", "graph"]
    assert stored(written.index) == as_added(some(0, 10) + some(10, 60))


@pytest.mark.parametrize("at", ["graph", "piece"])
def test_a_component_that_is_not_finite_is_corrupt(at: str) -> None:
    written = packed(some(0, 20))
    written.add(*some(20, 22))
    head, parts = frame.decode(written.blob)
    sections = {entry: v.section(data) for entry, data in parts.items()}
    entry = next(entry for entry in parts if entry.name == at)
    start = 12 if at == "graph" else written.index.tail.pieces[0].vector_range[0]
    damaged = bytearray(parts[entry])
    damaged[start : start + 4] = v.f32([np.inf]).tobytes()
    sections[entry] = v.section(bytes(damaged))
    with pytest.raises(BlobCorrupt):
        search.search(decode.open_head(head, sections.__getitem__, NOTHING_TO_FETCH), v.f32([1, 0, 0]), 30)
