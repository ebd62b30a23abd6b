"""The terms of many texts, compared with an analysis of one text after the other."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import words
from tests.unit.text.test_tokens import any_text
from vectord.errors import DeadlineExceeded
from vectord.text.analysis import NAME, Postings, analyse
from vectord.text.languages import Analyzer

analyzers = st.builds(Analyzer, st.sampled_from([None, "english", "turkish", "greek", "arabic"]), st.booleans())
WORDS = ["the", "dogs", "Dog", "running", "run", "IT", "it", "東京都", "京"]
some_texts = st.lists(st.lists(st.sampled_from(WORDS)).map(" ".join) | any_text)


def by_text(found: Postings) -> list[dict[str, int]]:
    """Return the terms of each text with their counts."""
    terms: list[dict[str, int]] = [{} for _ in found.lengths]
    for number, term in enumerate(found.terms):
        for entry in range(found.starts[number], found.starts[number + 1]):
            terms[found.texts[entry]][term] = int(found.counts[entry])
    return terms


def test_the_analysis_has_a_name() -> None:
    assert NAME == "words-1"


def test_each_text_has_its_terms_with_counts_and_its_length() -> None:
    found = analyse(["The dog's dogs run", "", "running with it", "東京都"], Analyzer())
    assert by_text(found) == [{"dog": 2, "s": 1, "run": 1}, {}, {"run": 1}, {"東京": 1, "京都": 1, "都": 1}]
    assert found.lengths.tolist() == [4, 0, 1, 3]


def test_capitals_are_those_of_the_language() -> None:
    assert analyse(["IRAK"], Analyzer("turkish")).terms == ("\u0131rak",)
    assert analyse(["IRAK"], Analyzer("german")).terms == ("irak",)


def test_terms_are_in_the_order_of_their_bytes() -> None:
    found = analyse(["z é \U0001e922 \uffdc ა a"], Analyzer(None))
    assert [term.encode() for term in found.terms] == sorted(term.encode() for term in found.terms)
    assert len(found.terms) == 6


def test_texts_of_a_term_ascend() -> None:
    found = analyse(["b a", "a", "c", "a b"], Analyzer(None))
    assert (found.terms, found.starts.tolist(), found.texts.tolist()) == (
        ("a", "b", "c"),
        [0, 3, 5, 6],
        [0, 1, 3, 0, 3, 2],
    )


@pytest.mark.parametrize("texts", [[], [""], ["the"], ["", "of the", "-"]])
def test_texts_without_terms_have_no_postings(texts: list[str]) -> None:
    found = analyse(texts, Analyzer())
    assert (found.terms, found.starts.tolist(), found.texts.tolist()) == ((), [0], [])
    assert found.lengths.tolist() == [0] * len(texts)


def test_long_tokens_with_the_same_beginning_are_one_term() -> None:
    found = analyse(["a" * 128, "a" * 129 + " " + "a" * 500], Analyzer())
    assert by_text(found) == [{"a" * 128: 1}, {"a" * 128: 2}]


@given(some_texts, analyzers)
def test_many_texts_have_the_terms_of_each_alone(texts: list[str], analyzer: Analyzer) -> None:
    expected = [
        Counter(
            term for token in words.tokens(text, dotless=analyzer.dotless) for term in analyzer.terms([token]) if term
        )
        for text in texts
    ]
    found = analyse(texts, analyzer)
    assert by_text(found) == expected
    assert found.lengths.tolist() == [each.total() for each in expected]
    assert set(found.counts.tolist()) <= set(range(1, 1000))


@given(some_texts, some_texts, analyzers)
def test_texts_that_are_analysed_together_have_the_terms_of_two_analyses(
    one: list[str], other: list[str], analyzer: Analyzer
) -> None:
    assert by_text(analyse(one + other, analyzer)) == by_text(analyse(one, analyzer)) + by_text(
        analyse(other, analyzer)
    )


def test_an_analysis_ends_at_the_deadline() -> None:
    calls = []

    def check() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            raise DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        analyse(["a"] * 1000, Analyzer(), check)
    assert len(calls) == 3
