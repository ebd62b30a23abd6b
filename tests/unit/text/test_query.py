"""Queries, and the places of words in stored texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.text.test_analysis import analyzers, by_text
from tests.unit.text.test_tokens import any_text
from vectord.text.analysis import analyse
from vectord.text.languages import Analyzer
from vectord.text.query import analyse_query, occurrences


def test_a_query_has_distinct_terms_in_order() -> None:
    found = analyse_query("Zebras and apes, zebra APE", Analyzer())
    assert (found.terms, found.prefixes, found.dropped) == (("ape", "zebra"), (), ("and",))


def test_a_query_of_stop_words_has_them_alone() -> None:
    found = analyse_query("To be, or not to be", Analyzer())
    assert (found.terms, found.prefixes, found.dropped) == ((), (), ("be", "not", "or", "to"))


@pytest.mark.parametrize("text", ["", "  ", "?!", "\U0001f600"])
def test_a_query_without_words_has_nothing(text: str) -> None:
    found = analyse_query(text, Analyzer())
    assert (found.occurrences, found.terms, found.prefixes, found.dropped) == ((), (), (), ())


def test_a_query_lacks_the_last_characters_of_runs() -> None:
    assert analyse_query("東京 タワー", Analyzer()).terms == ("タワ", "ワー", "東京")


def test_a_single_character_means_each_term_that_begins_with_it() -> None:
    found = analyse_query("猫 ที่ cats", Analyzer())
    assert (found.terms, found.prefixes) == (("cat",), ("ที่", "猫"))


def test_capitals_of_a_query_are_those_of_the_language() -> None:
    assert analyse_query("IRAK", Analyzer("turkish")).terms == ("\u0131rak",)
    assert [each.term for each in occurrences("IRAK", Analyzer("turkish"))] == ["\u0131rak"]


@pytest.mark.parametrize("text", ["東京都庁", "ภาษาไทย", "ភាសាខ្មែរ", "မြန်မာစာ", "한국어", "ひらがな", "ພາສາລາວ"])
def test_each_part_of_a_run_is_found(text: str) -> None:
    """A query for any characters of a run has terms of the run, or one of them begins with the only character."""
    whole = {each.term: (each.start, each.end) for each in occurrences(text, Analyzer())}
    bounds = sorted({start for start, _ in whole.values()} | {len(text)})
    for number, start in enumerate(bounds[:-1]):
        for end in bounds[number + 1 :]:
            found = analyse_query(text[start:end], Analyzer())
            assert set(found.terms) <= whole.keys()
            assert all(any(term.startswith(prefix) for term in whole) for prefix in found.prefixes)
            assert found.terms or found.prefixes


@given(any_text, analyzers)
def test_a_text_is_found_by_its_own_words(text: str, analyzer: Analyzer) -> None:
    (terms,) = by_text(analyse([text], analyzer))
    found = analyse_query(text, analyzer)
    assert set(found.terms) <= terms.keys()
    assert all(any(term.startswith(prefix) for term in terms) for prefix in found.prefixes)


@given(any_text, analyzers)
def test_occurrences_of_a_text_are_those_that_are_counted(text: str, analyzer: Analyzer) -> None:
    (terms,) = by_text(analyse([text], analyzer))
    found = [each.term for each in occurrences(text, analyzer)]
    assert {term: found.count(term) for term in found} == terms


@given(any_text, analyzers)
def test_the_text_at_an_occurrence_has_its_term(text: str, analyzer: Analyzer) -> None:
    for each in occurrences(text, analyzer):
        assert each.term in {other.term for other in occurrences(text[each.start : each.end], analyzer)}
    for each in analyse_query(text, analyzer).occurrences:
        part = analyse_query(text[each.start : each.end], analyzer)
        assert each.term in part.terms + part.prefixes


def test_positions_count_stop_words_and_last_characters() -> None:
    """So that the distances of a phrase are the same in a query and in a text."""
    text = occurrences("state of the art in 東京 now", Analyzer())
    assert [(each.term, each.position) for each in text] == [
        ("state", 0),
        ("art", 3),
        ("東京", 5),
        ("京", 6),
        ("now", 7),
    ]
    query = analyse_query("art in 東京 now", Analyzer())
    assert [(each.term, each.position) for each in query.occurrences] == [("art", 0), ("東京", 2), ("now", 4)]


@given(st.lists(st.sampled_from(["the", "dogs", "of", "東京都", "京", "now"])), st.integers(0, 9), st.integers(0, 9))
def test_a_phrase_of_a_text_has_its_distances(parts: list[str], first: int, last: int) -> None:
    text = {(each.term, each.position) for each in occurrences(" ".join(parts), Analyzer())}
    before = len(analyse_positions(" ".join(parts[:first])))
    for each in analyse_query(" ".join(parts[first:last]), Analyzer()).occurrences:
        assert any(term.startswith(each.term) for term, position in text if position == each.position + before)


def analyse_positions(text: str) -> list[int]:
    """Return the positions of all tokens of a text."""
    return [each.position for each in occurrences(text, Analyzer(None))]
