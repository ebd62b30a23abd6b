"""Postings that are merged from several sections."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import Counted, opened, packed, postings, texts
from vectord.index.sections import text_postings
from vectord.index.sections.text_postings import Source, merge
from vectord.index.sections.text_whole import all_postings
from vectord.index.sections.text_writer import pack

sections = st.lists(st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=12), min_size=1, max_size=4)


@pytest.mark.slow
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
