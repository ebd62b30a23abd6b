"""What an index tells of a filter is what each of its documents tells, in every form that an index has."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, RecordingFetch, stored_object
from vectord.errors import BlobCorrupt
from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord.filters.tree import Exists, Filter, Glob, In, Not
from vectord.index import mutations
from vectord.index.build import rebuild
from vectord.index.codec import decode, encode
from vectord.index.query import filtering
from vectord.index.query.filtering import matching_rows
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.state import Index
from vectord.lhv1 import frame


class Here(MemorySection):
    """A section of which all that is asked for is here, and whose checksum nobody could check yet."""

    whole = False


IDS = [f"id {number}" for number in range(12)]
SOME = st.dictionaries(
    st.sampled_from(IDS), st.just(...) | d.OBJECTS | d.DOCUMENTS.filter(lambda value: value is not None)
)
type Step = Mapping[str, Any] | list[str]  # documents to add, ... for none; or ids to remove
STEPS = st.lists(SOME | st.lists(st.sampled_from(IDS), max_size=4), max_size=3)


def changed(index: Index, step: Step) -> Index:
    if isinstance(step, list):
        return mutations.remove(index, step)[0]
    drawn = np.random.default_rng(len(index) + index.base_rows).standard_normal((len(step), 3))
    return mutations.upsert(index, [v.item(each, row, step[each]) for each, row in zip(step, drawn, strict=True)])[0]


def fresh(first: Step, steps: list[Step]) -> Index:
    return reduce(changed, steps, changed(v.empty(3), first))


def plain(first: Step, steps: list[Step]) -> Index:
    return v.sealed(fresh(first, steps))


def plain_then_changed(first: Step, steps: list[Step]) -> Index:
    return reduce(changed, steps, v.sealed(changed(v.empty(3), first)))


def packed_blob(first: Step, steps: list[Step]) -> bytes:
    here = PackedIndex(changed(v.empty(3), first))
    for step in steps:
        here.commit(changed(here.index, step))
    return here.blob


def packed(first: Step, steps: list[Step]) -> Index:
    return decode.open_blob(packed_blob(first, steps))


def by_ranges(first: Step, steps: list[Step]) -> Index:
    return opened_by_ranges(packed_blob(first, steps), RecordingFetch())


def opened_by_ranges(blob: bytes, fetch: RecordingFetch) -> Index:
    head, parts = frame.decode(blob)
    return decode.open_head(head, lambda entry: fetch.section(bytes(parts[entry]), entry.name), fetch)


def without_columns(first: Step, steps: list[Step]) -> Index:
    """Return a packed index as it was written before there were columns, of which nothing is here."""
    head, parts = frame.decode(packed_blob(first, steps))
    kept = {entry: bytes(data) for entry, data in parts.items() if entry.name != "columns"}
    older = frame.encode_head(msgspec.structs.replace(head.envelope, sections=list(kept)))
    return opened_by_ranges(older + b"".join(kept.values()), RecordingFetch())


def rebuilt(first: Step, steps: list[Step]) -> Index:
    """Return a packed index that was built anew beside the last of the changes."""
    before = packed(first, steps[:-1])
    made = rebuild.rebuild(before, "rebuilt", PACKED) if before.base else None
    if made is None:
        return packed(first, steps)
    now = reduce(changed, steps[-1:], before)
    carried = rebuild.apply(made, now)
    assert carried is not None
    return decode.open_blob(
        stored_object(encode.encode(carried, "t", "c", thresholds=PACKED, rebuild=False), b"".join(made.parts(100)))
    )


FORMS = [fresh, plain, plain_then_changed, packed, by_ranges, without_columns, rebuilt]
FORM = pytest.mark.parametrize("form", FORMS)
Form = Callable[[Step, list[Step]], Index]


def documents(steps: list[Step]) -> dict[str, Any]:
    """Return what a plain dictionary holds after the steps; None where there is no metadata."""
    held: dict[str, Any] = {}
    for step in steps:
        if isinstance(step, list):
            held = {each: value for each, value in held.items() if each not in step}
        else:
            held |= {each: held.get(each) if value is ... else value for each, value in step.items()}
    return held


def found(index: Index, tree: Filter) -> list[str]:
    """Return the ids of the rows that match, after a look at the shape of the answer."""
    matching = matching_rows(index, tree)
    assert (matching.base.shape, matching.tail.shape) == ((index.base_rows,), (len(index.tail),))
    assert (matching.base.dtype, matching.tail.dtype) == (np.bool_, np.bool_)
    rows = matching.rows.tolist()
    assert matching.count == len(rows)
    inside = [row for row in rows if row < index.base_rows]
    ids = [each.id for each in index.base.documents.read(inside, index.fetch)] if index.base else []
    return sorted(ids + [index.tail.ids[row - index.base_rows] for row in rows[len(inside) :]])


@FORM
@given(first=SOME.filter(bool), steps=STEPS, trees=st.lists(d.FILTERS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_those_match_whose_documents_do(form: Form, first: Step, steps: list[Step], trees: list[Filter]) -> None:
    index, held = form(first, steps), documents([first, *steps])
    for tree in trees:
        assert found(index, tree) == sorted(each for each, document in held.items() if matches(tree, document))


@FORM
def test_rows_that_were_replaced_or_removed_do_not_match(form: Form) -> None:
    first = {each: {"n": 1} for each in IDS}
    steps: list[Step] = [{"id 0": {"n": 2}}, ["id 1"], {"id 2": ...}, {"id 1": {"n": 3}, "new": {"n": 1}}, ["new"]]
    index = form(first, steps)
    assert found(index, In("n", (1,))) == sorted(set(IDS) - {"id 0", "id 1"})
    assert found(index, In("n", (2,))) == ["id 0"]
    assert found(index, In("n", (3,))) == ["id 1"]
    assert found(index, Not(Exists("n"))) == []


def test_an_index_of_nothing_has_no_matches() -> None:
    matching = matching_rows(v.empty(3), Not(Exists("a")))
    assert (matching.count, matching.rows.tolist()) == (0, [])


@FORM
def test_documents_that_columns_cannot_tell_apart_are_read(form: Form) -> None:
    long = "x" * 300
    first = {each: {"text": f"{long}{number}", "n": 2**60 + number} for number, each in enumerate(IDS)}
    other = {"text": long + "7", "n": 2**60 + 5}
    index = form(first, [{"tail": {"text": long + "tail", "n": 2**60 + 5}, "gone": other}, ["id 8", "gone"]])
    assert found(index, Glob("text", "*7")) == ["id 7"]
    assert found(index, Glob("text", "*8")) == []
    assert found(index, In("text", (long + "3", long + "tail"))) == ["id 3", "tail"]
    assert found(index, parse({"n": 2**60 + 5})) == ["id 5", "tail"]
    assert found(index, parse({"n": {"$gt": 2**60 + 9}})) == ["id 10", "id 11"]


def test_an_index_without_metadata_has_no_section_of_columns_and_still_answers() -> None:
    here = PackedIndex(changed(v.empty(3), dict.fromkeys(IDS, ...)))
    assert [entry.name for entry in here.envelope.sections] == ["rows", "graph"]
    assert found(here.index, Not(Exists("a"))) == sorted(IDS)
    assert found(here.index, Exists("a")) == []


def test_columns_lie_before_the_rows() -> None:
    here = PackedIndex(changed(v.empty(3), {each: {"n": 1} for each in IDS}))
    assert [entry.name for entry in here.envelope.sections] == ["columns", "rows", "graph"]


def many() -> tuple[Index, RecordingFetch]:
    """Return a large index of which nothing is here."""
    items = [v.item(f"row {row}", [row, 1, 1], {"n": row % 50, "text": f"some text {row}"}) for row in range(5_000)]
    fetch = RecordingFetch()
    return opened_by_ranges(PackedIndex(mutations.upsert(v.empty(3), items)[0]).blob, fetch), fetch


def test_a_filter_that_columns_can_tell_reads_no_document_and_no_vector() -> None:
    index, fetch = many()
    assert matching_rows(index, In("n", (7,))).count == 100
    assert (len(fetch.rounds), fetch.bytes < 32_000) == (2, True)


def test_a_large_index_of_a_time_before_columns_gathers_them_once() -> None:
    first = {f"id {number}": {"n": number} for number in range(200)}
    index = without_columns(first, [])
    assert index.base is not None
    matching_rows(index, In("n", (7,)))
    first_time, again = (filtering._base_columns(index.base, index.fetch) for _ in range(2))
    assert first_time is again


@pytest.mark.parametrize("flip", [0x01, 0x10, 0xFF])
def test_columns_that_are_not_what_was_written_never_change_an_answer(flip: int) -> None:
    head, parts = frame.decode(packed_blob({each: {"n": number} for number, each in enumerate(IDS)}, []))
    columns = next(entry for entry in parts if entry.name == "columns")
    refused = 0
    for at in range(columns.bytes):
        damaged = bytearray(parts[columns])
        damaged[at] ^= flip
        sections = {entry: v.section(data) for entry, data in parts.items()} | {columns: Here(bytes(damaged))}
        try:
            assert found(decode.open_head(head, sections.__getitem__, NOTHING_TO_FETCH), In("n", (3,))) == ["id 3"]
        except BlobCorrupt:
            refused += 1
    assert refused == columns.bytes
