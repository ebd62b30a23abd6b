"""A filter matches the rows whose documents it matches, in every form that an index can have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support import vectors as v
from tests.support.forms import (
    FORM,
    FORMS,
    IDS,
    SOME,
    STEPS,
    Form,
    Step,
    changed,
    documents,
    opened_by_ranges,
    packed_blob,
    without_columns,
)
from tests.support.sections import PackedIndex, RecordingFetch, UnverifiedSection
from vectord.deadline import no_deadline
from vectord.errors import BlobCorrupt
from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord.filters.tree import Exists, Filter, Glob, In, Not
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.query import sources
from vectord.index.query.filtering import matching_rows
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.state import Index
from vectord.lhv1 import frame


def found(index: Index, tree: Filter) -> list[str]:
    """Return the ids of the matching rows; check the shape of the mask."""
    matching = matching_rows(index, tree)
    assert (matching.base.shape, matching.tail.shape) == ((index.base_rows,), (len(index.tail),))
    assert (matching.base.dtype, matching.tail.dtype) == (np.bool_, np.bool_)
    rows = matching.rows.tolist()
    assert matching.count == len(rows)
    return sorted(index.ids_of(rows))


@given(first=SOME.filter(bool), steps=STEPS, trees=st.lists(d.FILTERS, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_a_filter_matches_the_rows_whose_documents_match(first: Step, steps: list[Step], trees: list[Filter]) -> None:
    model = documents([first, *steps]).items()
    matching = [sorted(each for each, document in model if matches(tree, document)) for tree in trees]
    for form in FORMS:
        index = form(first, steps)
        assert [found(index, tree) for tree in trees] == matching, form


@FORM
def test_replaced_and_removed_rows_do_not_match(form: Form) -> None:
    first = {each: {"n": 1} for each in IDS}
    steps: list[Step] = [{"id 0": {"n": 2}}, ["id 1"], {"id 2": ...}, {"id 1": {"n": 3}, "new": {"n": 1}}, ["new"]]
    index = form(first, steps)
    assert found(index, In("n", (1,))) == sorted(set(IDS) - {"id 0", "id 1"})
    assert found(index, In("n", (2,))) == ["id 0"]
    assert found(index, In("n", (3,))) == ["id 1"]
    assert found(index, Not(Exists("n"))) == []


def test_an_empty_index_has_no_matches() -> None:
    matching = matching_rows(v.empty(3), Not(Exists("a")))
    assert (matching.count, matching.rows.tolist()) == (0, [])


@FORM
def test_rows_that_columns_do_not_decide_are_decided_by_their_documents(form: Form) -> None:
    long = "x" * 300
    first = {each: {"text": f"{long}{number}", "n": 2**60 + number} for number, each in enumerate(IDS)}
    other = {"text": long + "7", "n": 2**60 + 5}
    index = form(first, [{"tail": {"text": long + "tail", "n": 2**60 + 5}, "gone": other}, ["id 8", "gone"]])
    assert found(index, Glob("text", "*7")) == ["id 7"]
    assert found(index, Glob("text", "*8")) == []
    assert found(index, In("text", (long + "3", long + "tail"))) == ["id 3", "tail"]
    assert found(index, parse({"n": 2**60 + 5})) == ["id 5", "tail"]
    assert found(index, parse({"n": {"$gt": 2**60 + 9}})) == ["id 10", "id 11"]


@FORM
def test_a_glob_sees_the_first_65_536_characters_in_every_form(form: Form) -> None:
    ends = {f"id {length}": "é" * (length - 1) + "b" for length in (127, 128, 129, 65_535, 65_536, 65_537)}
    index = form({each: {"text": text} for each, text in ends.items()}, [{"tail": {"text": "é" * 65_536 + "b"}}])
    to_the_limit = sorted(set(ends) - {"id 65537"})
    assert found(index, Glob("text", "*b")) == to_the_limit
    assert found(index, Glob("text", "*[b]")) == to_the_limit
    assert found(index, Not(Glob("text", "*b*"))) == ["id 65537", "tail"]
    assert found(index, Glob("text", "é*é")) == ["id 65537", "tail"]
    assert found(index, Glob("text", "é*")) == sorted([*ends, "tail"])


def test_an_index_without_metadata_has_no_columns_and_can_be_filtered() -> None:
    built = PackedIndex(changed(v.empty(3), dict.fromkeys(IDS, ...)))
    assert [entry.name for entry in built.envelope.sections] == ["parts", "rows", "graph"]
    assert found(built.index, Not(Exists("a"))) == sorted(IDS)
    assert found(built.index, Exists("a")) == []


def test_the_section_columns_comes_before_rows() -> None:
    built = PackedIndex(changed(v.empty(3), {each: {"n": 1} for each in IDS}))
    assert [entry.name for entry in built.envelope.sections] == ["parts", "columns", "rows", "graph"]


def many() -> tuple[Index, RecordingFetch]:
    """Return a large index with nothing fetched."""
    items = [v.item(f"row {row}", [row, 1, 1], {"n": row % 50, "text": f"some text {row}"}) for row in range(5_000)]
    fetch = RecordingFetch()
    return opened_by_ranges(PackedIndex(mutations.upsert(v.empty(3), items)[0]).blob, fetch), fetch


@pytest.mark.slow
def test_a_filter_that_columns_decide_reads_no_document_and_no_vector() -> None:
    index, fetch = many()
    assert matching_rows(index, In("n", (7,))).count == 100
    assert (len(fetch.rounds), fetch.bytes < 32_000) == (2, True)


def test_a_large_index_of_a_time_before_columns_gathers_them_once() -> None:
    first = {f"id {number}": {"n": number} for number in range(200)}
    index = without_columns(first, [])
    assert index.base is not None
    matching_rows(index, In("n", (7,)))
    first_time, again = (sources._base_columns(index.base, index.fetch, no_deadline) for _ in range(2))
    assert first_time is again


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_altered_columns_are_refused(flip: int) -> None:
    head, parts = frame.decode(packed_blob({each: {"n": number} for number, each in enumerate(IDS)}, []))
    columns = next(entry for entry in parts if entry.name == "columns")
    refused = 0
    for at in range(columns.bytes):
        damaged = bytearray(parts[columns])
        damaged[at] ^= flip
        sections = {entry: v.section(data) for entry, data in parts.items()} | {
            columns: UnverifiedSection(bytes(damaged))
        }
        try:
            assert found(decode.open_head(head, sections.__getitem__, NOTHING_TO_FETCH), In("n", (3,))) == ["id 3"]
        except BlobCorrupt:
            refused += 1
    assert refused == columns.bytes
