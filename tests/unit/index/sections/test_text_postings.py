"""Postings that are collected from terms, and merged from several sections."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import Counted, opened, packed, postings, texts
from vectord.index.sections import text_postings
from vectord.index.sections.text_postings import Source, collect, merge
from vectord.index.sections.text_whole import all_postings
from vectord.index.sections.text_writer import pack


def test_tokens_become_lists_of_ascending_rows() -> None:
    terms = [b"be", b"to", b"or", b"unused"]
    ids, rows = np.array([1, 0, 2, 1, 0, 1]), np.array([2, 0, 0, 0, 0, 0])
    field = collect(terms, ids, rows, np.array([5, 0, 1]))
    assert list(field.terms) == [b"be", b"or", b"to"]
    assert field.starts.tolist() == [0, 1, 2, 4]
    assert field.rows.tolist() == [0, 0, 0, 2]
    assert field.counts.tolist() == [2, 1, 2, 1]
    assert field.lengths.tolist() == [5, 0, 1]


def test_a_term_that_is_listed_twice_is_one_term() -> None:
    field = collect([b"a", b"a"], np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([4, 1]), np.array([1, 3, 1]))
    assert (list(field.terms), field.rows.tolist(), field.counts.tolist()) == ([b"a"], [0, 1], [4, 1])


@given(st.lists(texts, min_size=1, max_size=30), st.randoms())
def test_the_order_of_tokens_has_no_effect(rows: list[Counted], random: object) -> None:
    triples = [(term, row, count) for row, text in enumerate(rows) for term, count in text.items()]
    random.shuffle(triples)  # type: ignore[attr-defined]
    if triples:
        terms, numbers, counts = zip(*triples, strict=True)
        lengths = np.array([sum(text.values()) for text in rows])
        field = collect(terms, np.arange(len(terms)), np.array(numbers), lengths, np.array(counts))
        assert pack([field]) == packed(rows)


def test_a_text_that_is_too_long_is_not_written() -> None:
    with pytest.raises(AssertionError):
        postings([{b"a": 2**31, b"b": 2**31}])


sections = st.lists(st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=12), min_size=1, max_size=4)


@pytest.mark.parametrize("one_array", [True, pytest.param(False, marks=pytest.mark.slow)])
@given(sections=sections, seed=st.integers(0, 2**32))
def test_merged_sections_are_those_of_a_fresh_build(
    one_array: bool, sections: list[list[tuple[Counted, bool]]], seed: int
) -> None:
    live = [text for section in sections for text, kept in section if kept]
    if not live:
        return
    order = np.random.default_rng(seed).permutation(len(live))  # the new number of each live row
    fresh: list[Counted] = [{}] * len(live)
    for text, row in zip(live, order.tolist(), strict=True):
        fresh[row] = text
    sources, numbers = [], iter(order.tolist())
    for section in sections:
        text = opened(packed([each for each, _ in section]), len(section))
        new_rows = np.array([next(numbers) if kept else -1 for _, kept in section])
        sources.append(Source(all_postings(text)[0], new_rows))
    with pytest.MonkeyPatch.context() as patch:
        if not one_array:  # as with so many rows and terms that a key and a count do not fit into one number
            patch.setattr(text_postings, "_KEY_BITS", 0)
        merged = merge(sources, len(live))
    assert pack([merged]) == pack([postings(fresh)])


def test_a_term_of_removed_rows_alone_is_gone() -> None:
    field = postings([{b"a": 1, b"b": 2}, {b"b": 1}])
    merged = merge([Source(field, np.array([-1, 0]))], 1)
    assert (list(merged.terms), merged.lengths.tolist()) == ([b"b"], [1])
