"""Where tokens are: offsets count the characters of the text as it was given."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.text.test_tokens import any_text
from vectord.text.offsets import located
from vectord.text.tokens import Kind, tokens


def places(text: str) -> list[tuple[str, str]]:
    """Return each token with the part of the text where it is."""
    return [(each.token, text[each.start : each.end]) for each in located(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Two Foxes", [("two", "Two"), ("foxes", "Foxes")], id="ASCII"),
        pytest.param("é Straße x", [("é", "é"), ("strasse", "Straße"), ("x", "x")], id="casefold makes two of one"),
        pytest.param("ß H\u0331 x", [("ss", "ß"), ("\u1e96", "H\u0331"), ("x", "x")], id="two of one, and one of two"),
        pytest.param("\ufb01ne x", [("fine", "\ufb01ne"), ("x", "x")], id="NFKC makes two of one"),
        pytest.param("cafe\u0301 x", [("caf\u00e9", "cafe\u0301"), ("x", "x")], id="NFKC makes one of two"),
        pytest.param("co\u00adop x", [("coop", "co\u00adop"), ("x", "x")], id="something ignored"),
        pytest.param("\ufeffab\ufe0f x", [("ab", "ab"), ("x", "x")], id="something ignored at the ends"),
        pytest.param("5\u33a7 x", [("5m", "5\u33a7"), ("s", "\u33a7"), ("x", "x")], id="one character in two tokens"),
        pytest.param("don\u00b4t", [("don", "don"), ("t", "t")], id="NFKC makes a mark that is left out"),
        pytest.param("\U0001f600é", [("é", "é")], id="beyond U+FFFF"),
        pytest.param("東京都", [("東京", "東京"), ("京都", "京都"), ("都", "都")], id="pairs"),
        pytest.param("ที่นี่", [("ที่นี่", "ที่นี่"), ("นี่", "นี่")], id="pairs with marks"),
        pytest.param("ｶﾞｷﾞ", [("ガギ", "ｶﾞｷﾞ"), ("ギ", "ｷﾞ")], id="halfwidth kana"),
        pytest.param("\u1112\u1161\u11ab글", [("한글", "\u1112\u1161\u11ab글"), ("글", "글")], id="jamo"),
        pytest.param("ㅋㅋㅋ", [("\u110f\u110f", "ㅋㅋ")] * 2 + [("\u110f", "ㅋ")], id="jamo that do not compose"),
        pytest.param("a" * 200 + "é x", [("a" * 128, "a" * 200 + "é"), ("x", "x")], id="a cut token"),
    ],
)
def test_a_token_is_where_it_was_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert places(text) == expected


def test_a_token_says_what_it_is() -> None:
    kinds = [(each.token, each.kind) for each in located("ab 東京 猫")]
    assert kinds == [("ab", Kind.WORD), ("東京", Kind.PAIR), ("京", Kind.LAST), ("猫", Kind.ONLY)]


@given(any_text, st.booleans())
def test_the_same_tokens_are_located(text: str, dotless: bool) -> None:
    assert [each.token for each in located(text, dotless=dotless)] == tokens(text, dotless=dotless)


@given(any_text, st.booleans())
def test_the_text_at_the_place_of_a_token_has_that_token(text: str, dotless: bool) -> None:
    for each in located(text, dotless=dotless):
        assert each.token in tokens(text[each.start : each.end], dotless=dotless)


UNITS = ["a\u0301\u0327 ", "ß ", "\u0e01\u0e48\u0e33", "\u0301\u0327", "\u00ad", "\u314f", "\uff76\uff9e", "H\u0331"]


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
def test_the_time_for_a_long_text_grows_with_its_length_alone(unit: str) -> None:
    def seconds(count: int) -> float:
        started = time.process_time()
        located("ß" + unit * count)
        return time.process_time() - started

    seconds(10)  # compiles the patterns
    assert min(seconds(20_000) for _ in range(2)) < 40 * max(seconds(2_000), 0.001)


@given(any_text)
def test_places_are_in_the_text_and_in_order(text: str) -> None:
    found = located(text)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert [each.start for each in found] == sorted(each.start for each in found)
    assert [each.end for each in found] == sorted(each.end for each in found)


@given(st.text("ab\u00e9\u0301 \u4eba", max_size=20))
def test_nothing_else_is_in_the_place_of_a_token(text: str) -> None:
    """A word ends with its last mark: one character fewer, at either end, is another token."""
    for each in located(text):
        assert each.kind != Kind.WORD or each.token not in tokens(text[each.start + 1 : each.end])
        assert each.token not in tokens(text[each.start : each.end - 1])
