"""The places of the words of a search in a text, in every script; a second implementation locates all terms first."""

import time
import unicodedata
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.text.test_analysis import analyzers
from tests.unit.text.test_tokens import any_text
from vectord.text.highlights import WantedTerms, highlights
from vectord.text.languages import Analyzer
from vectord.text.query import analyse_query, occurrences
from vectord.text.tokens import fold

ALL = 1_000_000
ENGLISH = Analyzer()
# Words without a common pair or stem: Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Han, Thai, Hangul; with
# ligatures, compatible and decomposed forms, marks, and a character beyond U+FFFF.
WORDS = (
    *("\ufb01ne", "o\ufb03ce", "cafe\u0301", "\uff21\uff22\uff23", "Stra\u00dfe", "Ὀδύσσεια", "Москва", "العَرَبِيَّة"),
    *("שָׁלוֹם", "हिन्दी", "東京都", "\U00020bb7野家", "ที่นี่", "한국어", "\uff76\uff9e\uff77\uff9e"),
)
# None belongs to a word: emoji with joiners, a lone mark, a lone surrogate, punctuation.
BETWEEN = (
    *(" ", ", ", " \U0001f468\u200d\U0001f469 ", "\U0001f600", " \u0301 ", " \ud800", "\n", "\u200b"),
    " \u2764\ufe0f ",
)


def marked(text: str, *words: str, analyzer: Analyzer = ENGLISH) -> str:
    """Return a text with brackets around the places of words."""
    terms = frozenset(term for word in words for term in analyse_query(word, analyzer).terms)
    return bracketed(text, highlights(text, analyzer, WantedTerms(terms), ALL))


def bracketed(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in reversed(spans):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        pytest.param("Many monsters hunt a Monster.", ["monster"], "Many [monsters] hunt a [Monster].", id="stems"),
        pytest.param("the office", ["the", "office"], "the [office]", id="stop words"),
        pytest.param("The o\ufb03ces", ["office"], "The [o\ufb03ces]", id="ligature"),
        pytest.param("a caf\u00e9 cafe\u0301s", ["cafe\u0301"], "a [caf\u00e9] [cafe\u0301s]", id="both normal forms"),
        pytest.param("\U0001f600 fox", ["fox"], "\U0001f600 [fox]", id="beyond U+FFFF"),
        pytest.param("co\u00adop x", ["coop"], "[co\u00adop] x", id="a soft hyphen"),
        pytest.param("fox's fox-hunt", ["fox", "hunt"], "[fox]'s [fox]-[hunt]", id="punctuation"),
        pytest.param("東京都に", ["東京"], "[東京]都に", id="one pair"),
        pytest.param("東京都に", ["東京都"], "[東京都]に", id="pairs that overlap"),
        pytest.param("東京大阪、大阪", ["東京", "大阪"], "[東京大阪]、[大阪]", id="pairs that touch"),
        pytest.param("東\u200d京\u200d大阪", ["東京", "大阪"], "[東\u200d京\u200d大阪]", id="a joiner between pairs"),
        pytest.param("Python3で検索", ["python3", "検索"], "[Python3]で[検索]", id="two scripts without a space"),
        pytest.param("5\u33a7 5m", ["5m"], "[5\u33a7] [5m]", id="half of a character"),
        pytest.param("\u2100 \u2101", ["c"], "[\u2100] \u2101", id="two words in a character"),
        pytest.param("", ["fox"], "", id="nothing"),
    ],
)
def test_words_are_marked_where_they_stand(text: str, words: list[str], expected: str) -> None:
    analyzer = Analyzer(None) if text.startswith("\u2100") else ENGLISH
    assert marked(text, *words, analyzer=analyzer) == expected


def test_capitals_are_those_of_the_language() -> None:
    turkish = Analyzer("turkish")
    assert marked("IRAK, \u0131rak \u0130RAK irak", "Irak", analyzer=turkish) == "[IRAK], [\u0131rak] \u0130RAK irak"
    assert marked("IRAK, \u0131rak \u0130RAK irak", "Irak") == "[IRAK], \u0131rak [\u0130RAK] [irak]"


@pytest.mark.parametrize(
    ("text", "heads", "expected"),
    [
        pytest.param("猫と黒猫", {"猫と", "猫"}, "[猫]と黒[猫]", id="first and last"),
        pytest.param("ที่นี่", {"ที่นี่"}, "[ที่]นี่", id="with its marks"),
        pytest.param("\u3300猫", {"アパ", "猫"}, "[\u3300猫]", id="four letters of one character"),
        pytest.param("ガｷﾞ", {"ガギ"}, "[ガ]ｷﾞ", id="two characters of a letter"),
        pytest.param("ｶﾞギ", {"ガギ"}, "[ｶﾞ]ギ", id="a letter of two characters"),
    ],
)
def test_of_a_pair_that_begins_with_a_character_only_this_is_marked(text: str, heads: set[str], expected: str) -> None:
    assert bracketed(text, highlights(text, ENGLISH, WantedTerms(frozenset(), frozenset(heads)), ALL)) == expected


def test_a_pair_that_is_wanted_itself_is_marked_whole() -> None:
    wanted = WantedTerms(frozenset({"猫と"}), frozenset({"猫と", "猫が"}))
    assert bracketed("猫と猫が", highlights("猫と猫が", ENGLISH, wanted, ALL)) == "[猫と猫]が"


def test_the_first_places_are_those_at_the_beginning() -> None:
    assert highlights("fox a fox b fox", Analyzer(None), WantedTerms(frozenset({"fox"})), 2) == [(0, 3), (6, 9)]
    assert highlights("fox", Analyzer(None), WantedTerms(frozenset({"fox"})), 0) == []


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.sets(st.sampled_from(WORDS)), st.integers(0, len(BETWEEN)))
def test_exactly_the_words_of_a_search_are_marked_in_nine_scripts(words: list[str], wanted: set[str], at: int) -> None:
    between = cycle(BETWEEN[at:] + BETWEEN[:at])
    text = "".join(next(between) + word for word in words)
    terms = frozenset(term for word in wanted for term in analyse_query(word, ENGLISH).terms)
    spans = highlights(text, ENGLISH, WantedTerms(terms), ALL)
    assert [text[start:end] for start, end in spans] == [word for word in words if word in wanted]
    analysed = {term for start, end in spans for term in analyse_query(text[start:end], ENGLISH).terms}
    assert analysed == {term for word in wanted.intersection(words) for term in analyse_query(word, ENGLISH).terms}


@given(any_text, analyzers, st.data())
def test_places_are_those_of_the_terms_that_are_counted(text: str, analyzer: Analyzer, data: st.DataObject) -> None:
    found = occurrences(text, analyzer)
    wanted = data.draw(st.frozensets(st.sampled_from([each.term for each in found]))) if found else frozenset[str]()
    places = [(each.start, each.end) for each in found if each.term in wanted]
    assert joined(text, highlights(text, analyzer, WantedTerms(wanted), ALL)) == joined(text, places)


def joined(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return places, of which those with nothing between them but ignored characters are one."""
    found = list[tuple[int, int]]()
    for start, end in places:
        if found and (start <= found[-1][1] or not fold(text[found[-1][1] : start])):
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("script", ["ASCII", "Latin", "decomposed", "Han", "Han and a ligature"])
def test_a_text_of_1_mb_takes_less_than_seconds(script: str) -> None:
    plain = " ".join(f"w{n}\u00e9" for n in range(160_000))[:950_000]
    han = "".join(chr(0x4E00 + n * n % 20_000) for n in range(333_000))
    text = {
        "ASCII": plain.replace("\u00e9", "e"),
        "Latin": plain,
        "decomposed": unicodedata.normalize("NFD", plain)[:600_000],
        "Han": han,
        "Han and a ligature": han + "\ufb01",
    }[script]
    terms = frozenset(each.term for each in occurrences(text[-2_000:], ENGLISH))
    started = time.process_time()
    assert highlights(text, ENGLISH, WantedTerms(terms), ALL)
    assert time.process_time() - started < 3
