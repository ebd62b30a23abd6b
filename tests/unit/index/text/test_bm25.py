"""The formula of BM25, and the statistics that it needs."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.sections import RecordingFetch
from tests.support.texts import Counted, opened, packed
from vectord.index.kernels import compiled
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.sections.text import Text
from vectord.index.sections.text_lists import TermList
from vectord.index.text.bm25 import FieldScorer, evidence, inverse_frequency, norms_of, score_all, scores_of_counts
from vectord.index.text.model import FieldTerms, Removed, TextQuery
from vectord.index.text.ranking import rank
from vectord.index.text.reading import Source, read
from vectord.index.text.statistics import Statistics, statistics


def at_offset(numbers: npt.NDArray[Any], offset: int) -> npt.NDArray[Any]:
    """Return numbers that are not aligned, as a section may have them, unless the offset is 0."""
    data = np.zeros(numbers.nbytes + offset, np.uint8)
    data[offset:] = numbers.view(np.uint8)
    return np.ndarray(numbers.shape, numbers.dtype, data, offset)


ROWS: list[Counted] = [{b"cat": 2, b"dog": 1}, {b"dog": 1}, {b"cat": 1, b"mat": 3}, {}]
QUERY = TextQuery((FieldTerms(0, (b"cat", b"dog")),))


def test_a_score_that_was_computed_by_hand() -> None:
    # N = 4, tokens = 8, so the average is 2; df of cat and dog is 2, so idf is ln(1 + 2.5 / 2.5) = ln 2
    segments = read([Source(opened(packed(ROWS), 4))], QUERY, NOTHING_TO_FETCH)
    found = rank(segments, QUERY, 10)
    norms = [1.2 * (0.25 + 0.75 * length / 2) for length in (3, 1, 4)]
    cat = [2.2 * 2 / (2 + norms[0]), 2.2 / (1 + norms[2])]
    dog = [2.2 / (1 + norms[0]), 2.2 / (1 + norms[1])]
    assert found.rows.tolist() == [0, 1, 2]
    assert found.scores == pytest.approx(math.log(2) * np.array([cat[0] + dog[0], dog[1], cat[1]]), rel=1e-15)


def test_statistics_count_live_rows_alone() -> None:
    text = opened(packed(ROWS), 4)
    (segment,) = read([Source(text, 0, Removed(np.array([0]), 4))], QUERY, NOTHING_TO_FETCH)
    found = statistics([segment], QUERY)
    assert found == Statistics(3, {0: 5}, {(0, b"cat"): 1, (0, b"dog"): 1})
    assert found.average(0) == 5 / 3


def test_the_average_of_empty_texts_divides_nothing_by_0() -> None:
    assert Statistics(3, {0: 0}, {}).average(0) == Statistics(0, {}, {}).average(0) == 1.0


@pytest.mark.parametrize(("rows", "frequency"), [(1, 1), (10, 1), (10, 10), (10**9, 1), (10**9, 10**9)])
def test_every_term_that_a_row_has_weighs_more_than_0(rows: int, frequency: int) -> None:
    assert inverse_frequency(rows, frequency) > 0
    assert inverse_frequency(rows, 0) == 0


def test_no_score_of_a_term_is_above_its_bound() -> None:
    terms, known = FieldTerms(0, (b"a",), 3.0), Statistics(10, {0: 1}, {(0, b"a"): 4})
    scorer, lengths = FieldScorer(terms, known), np.array([0, 1, 2**32 - 1], np.uint32)
    for count in (1, 2, 1_000, 2**32 - 1):
        scores = scores_of_counts(np.full(3, count, np.uint32), norms_of(lengths, scorer.average), scorer.idf(b"a"))
        assert (3.0 * scores < scorer.bound(b"a")).all()


def test_long_and_short_texts_use_the_same_formula() -> None:
    rows: list[Counted] = [{b"a": 1, b"b": 300}, {b"a": 1}, {b"a": 2, b"c": 5}]
    query, known = TextQuery((FieldTerms(0, (b"a", b"b")),)), Statistics(3, {0: 309}, {(0, b"a"): 3, (0, b"b"): 1})
    together = read([Source(opened(packed(rows), 3))], query, NOTHING_TO_FETCH)[0]
    assert together.lengths[0].dtype == np.uint16
    alone = [read([Source(opened(packed([row]), 1))], query, NOTHING_TO_FETCH)[0] for row in rows]
    assert {segment.lengths[0].dtype.itemsize for segment in alone} == {1, 2}
    assert score_all(together, query, known).tolist() == [score_all(each, query, known)[0] for each in alone]


@pytest.mark.parametrize("of_lengths", [np.uint8, np.uint16, np.uint32])
@pytest.mark.parametrize("of_counts", [None, np.uint8, np.uint16, np.uint32])
@pytest.mark.parametrize("offset", [0, 1])
def test_compiled_scores_have_the_bits_of_numpy(
    of_lengths: type, of_counts: type | None, offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(offset)
    lengths = at_offset(draw.integers(0, np.iinfo(of_lengths).max, 500, endpoint=True).astype(of_lengths), offset)
    rows = np.flatnonzero(draw.random(500) < 0.4)
    many = None if of_counts is None else draw.integers(1, np.iinfo(of_counts).max, len(rows), endpoint=True)
    found = TermList(rows, None if many is None or of_counts is None else at_offset(many.astype(of_counts), offset))
    scorer = FieldScorer(FieldTerms(0, (b"a",)), Statistics(500, {0: 20_000}, {(0, b"a"): len(rows)}))

    by_kernel, by_numpy = np.tile(draw.random(500), (2, 1))
    scorer.add(b"a", found, lengths, by_kernel)
    monkeypatch.setattr(compiled, "native", None)
    scorer.add(b"a", found, lengths, by_numpy)
    assert by_kernel.tolist() == by_numpy.tolist()


def test_the_evidence_of_rows() -> None:
    (segment,) = read([Source(opened(packed(ROWS), 4))], QUERY, NOTHING_TO_FETCH)
    found = evidence(segment, QUERY, np.array([0, 2, 3]))
    assert [each.tolist() for each in found.counts] == [[[2, 1, 0], [1, 0, 0]]]
    assert found.lengths.tolist() == [[3, 4, 0]]


@pytest.mark.slow
def test_a_search_of_a_base_and_a_tail_takes_three_rounds() -> None:
    draw, fetch = np.random.default_rng(1), RecordingFetch()
    sources, first = [], 0
    for rows in (17_000, 100, 100):
        texts = [{f"{word}".encode(): 1 for word in draw.integers(0, 8_000, 20)} for _ in range(rows)]
        section = packed(texts, texts)
        sources.append(Source(Text(fetch.section(section.data, "text"), rows, 2, section.front), first))
        first += rows
    query = TextQuery((FieldTerms(0, (b"17", b"7999")), FieldTerms(1, (b"5",))), (((0, b"17"), (1, b"18")),))
    segments = read(sources, query, fetch)
    assert [(segment.first, segment.rows) for segment in segments] == [(0, 17_000), (17_000, 200)]
    assert len(fetch.rounds) == 3
    assert set(segments[0].lists) == {(0, b"17"), (0, b"7999"), (1, b"5"), (1, b"18")}
    assert len(rank(segments, query, 5).rows) >= 1
    read(sources, query, fetch)
    assert len(fetch.rounds) == 3  # all is in the cache
