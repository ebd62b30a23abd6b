"""Texts to tokens: examples in many scripts, and a second implementation that goes character by character."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import words
from vectord.text.tokens import MAX_TOKEN, fold, tokens

# Where rules meet: marks, what is ignored, what NFKC joins or divides, unspaced scripts, digits, apostrophes.
AWKWARD = (
    "aZ\u00e9\u0301\u0327\u00df\u0130Ii\u0131\u01c5\ufb01\u2460\u00bd\u00b2\u00b4\u0345\u1f84\u03c2\u03a3\u0149\u1e96"
    "0\u0660\u0967\u0e50_-'\u2019\u02bb\u02bc. \n\u00ad\u200b\u200c\u200d\ufe0f\u20e3\U0001f600\u2764\ud800\udfff"
    "\u05d0\u05b7\u0628\u064e\u0640\u0915\u094d\u0937\u093c\u09c7\u09be\u0e17\u0e35\u0e48\u0e40\u0e33\u0eb2\u0e81"
    "\u1780\u17d2\u1798\u1000\u1039\u102b\u4eba\u3005\u3007\uf900\U00020000\U0002f800\u304b\u3099\u30fc\u30fb\uff76\uff9e"
    "\uac00\u11a8\u1100\u1161\u3131\u314f\uffa1\uffc2\u3300\u32c0\u320e\U000110b9\U000110ba\U0001d15f\U0001e900"
)
any_text = st.text(st.characters(), max_size=40) | st.text(st.sampled_from(AWKWARD), max_size=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Two quick-brown foxes, 3.5 km!", "two quick brown foxes 3 5 km", id="ASCII"),
        pytest.param("snake_case isn't O\u2019Neil's", "snake case isn t o neil s", id="underscores and apostrophes"),
        pytest.param("Crème BRÛLÉE, Straße, Łódź", "crème brûlée strasse łódź", id="Latin with diacritics"),
        pytest.param("Tiếng Việt", "tiếng việt", id="Vietnamese"),
        pytest.param("Ὀδυσσεύς και ΟΔΥΣΣΕΥΣ", "ὀδυσσεύσ και οδυσσευσ", id="Greek"),
        pytest.param("Москва, п'ять пʼять", "москва п ять п ять", id="Cyrillic"),
        pytest.param("العَرَبِيَّة، ٢٠٢٦", "العَرَبِيَّة ٢٠٢٦", id="Arabic"),
        pytest.param("שָׁלוֹם עולם, צה״ל", "שָׁלוֹם עולם צה ל", id="Hebrew"),
        pytest.param("हिन्दी में क्षत्रिय।", "हिन्दी में क्षत्रिय", id="Devanagari"),
        pytest.param("தமிழ் மொழி", "தமிழ் மொழி", id="Tamil"),
        pytest.param("ภาษาไทย ปี๒๕๖๗", "ภา าษ ษา าไ ไท ทย ย ปี ๒๕๖๗", id="Thai"),
        pytest.param("ພາສາລາວ", "ພາ າສ ສາ າລ ລາ າວ ວ", id="Lao"),
        pytest.param("ភាសាខ្មែរ។", "ភាសា សាខ្ ខ្មែ មែរ រ", id="Khmer"),
        pytest.param("မြန်မာ။", "မြန် န်မာ မာ", id="Burmese"),
        pytest.param("東京都、人々", "東京 京都 都 人々 々", id="Han"),
        pytest.param("𠮷野家", "𠮷野 野家 家", id="Han beyond U+FFFF"),
        pytest.param("𠮷\U0002fff0\U0003fffe", "𠮷\U0002fff0 \U0002fff0", id="an ideograph that is not assigned yet"),
        pytest.param("ひらがな・カタカナー", "ひら らが がな な カタ タカ カナ ナー ー", id="kana"),
        pytest.param("ｶﾞｷﾞ", "ガギ ギ", id="halfwidth kana"),
        pytest.param("한국어 책", "한국 국어 어 책", id="Hangul"),
        pytest.param("ვეფხისტყაოსანი", "ვეფხისტყაოსანი", id="Georgian"),
        pytest.param("Python3で検索", "python3 で検 検索 索", id="two scripts without a space"),
        pytest.param("𞤀𞤣𞤤𞤢𞤥", "𞤢𞤣𞤤𞤢𞤥", id="Adlam, which has capitals beyond U+FFFF"),
    ],
)
def test_a_text_has_these_tokens(text: str, expected: str) -> None:
    assert tokens(text) == expected.split(" ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("caf\u00e9", "cafe\u0301", id="composed and decomposed"),
        pytest.param("\ufb01ne \uff21\uff22\uff23 \u2460", "fine abc 1", id="compatible forms"),
        pytest.param("co\u00adop \u0645\u06cc\u200c\u062e", "coop \u0645\u06cc\u062e", id="soft hyphen and non-joiner"),
        pytest.param("\u2764\ufe0f ok", "ok", id="a symbol with a variation selector"),
        pytest.param("don\u00b4t", "don t", id="an acute accent as apostrophe"),
        pytest.param("\u0301a", "a", id="a mark before a word"),
        pytest.param("\u0130stanbul", "istanbul", id="the capital I with a dot"),
        pytest.param(
            "\u0e44\u0e17\u0e22\u200b\u0e44\u0e17\u0e22", "\u0e44\u0e17\u0e22 \u0e44\u0e17\u0e22", id="zero width space"
        ),
        pytest.param("\u0130\u0300", "\u00ec", id="the capital I with a dot and another mark"),
        pytest.param("a\ud800b", "a b", id="a lone surrogate"),
        pytest.param("a\x00b\x1fc", "a b c", id="control characters"),
    ],
)
def test_two_texts_have_the_same_tokens(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


def test_in_turkish_the_capital_i_has_no_dot_in_lower_case() -> None:
    assert tokens("ISPARTA \u0130zmir I\u0307zmir", dotless=True) == ["\u0131sparta", "izmir", "izmir"]
    assert tokens("ISPARTA") == ["isparta"]


@pytest.mark.parametrize("text", ["", " ", "\u0301", "-_'", "\u00ad", "\ud800", "\U0001f600"])
def test_a_text_without_letters_and_digits_has_no_tokens(text: str) -> None:
    assert tokens(text) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("a" * 128, 128, id="as long as a token may be"),
        pytest.param("a" * 129, 128, id="ASCII"),
        pytest.param("é" * 65, 64, id="two bytes a character"),
        pytest.param("a" + "ა" * 43, 43, id="three bytes: the last character does not fit"),
        pytest.param("𞤢" * 33, 32, id="four bytes a character"),
    ],
)
def test_a_long_token_is_cut_at_a_character(text: str, kept: int) -> None:
    (token,) = tokens(text)
    assert token == text[:kept]
    assert len(token.encode()) <= MAX_TOKEN


def test_pairs_of_characters_with_many_marks_are_cut() -> None:
    assert [len(token.encode()) for token in tokens("ก" + "\u0e48" * 30 + "ข" + "\u0e48" * 30)] == [126, 93]


@given(any_text, st.booleans())
def test_tokens_are_those_of_a_slow_implementation(text: str, dotless: bool) -> None:
    assert tokens(text, dotless=dotless) == words.tokens(text, dotless=dotless)


@pytest.mark.slow
def test_each_character_makes_the_tokens_of_a_slow_implementation() -> None:
    assigned = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    blocks = ["".join(f" a{each}b" for each in assigned[start : start + 256]) for start in range(0, len(assigned), 256)]
    assert [block for block in [*blocks, "a\u0378b a\ue000b a\ud800b"] if tokens(block) != words.tokens(block)] == []


@given(any_text, any_text, st.sampled_from(" \n\t\u2003\u3000"))
def test_tokens_of_texts_with_a_space_between_them_are_those_of_both(one: str, other: str, space: str) -> None:
    assert tokens(one + space + other) == tokens(one) + tokens(other)


@given(any_text)
def test_a_folded_text_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.slow
def test_each_folded_character_stays_as_it_is() -> None:
    folded = [fold(chr(code)) for code in range(0x110000)]
    assert [character for character in folded if fold(character) != character] == []


@given(any_text)
def test_a_token_has_one_byte_or_more_and_at_most_128(text: str) -> None:
    assert all(1 <= len(token.encode()) <= MAX_TOKEN for token in tokens(text))


def test_marks_after_30_others_are_no_part_of_a_token() -> None:
    low, high = "\u0327", "\u0301"  # NFKC sorts them: all of the first before all of the second
    assert tokens("x" + (low + high) * 15) == ["x" + low * 15 + high * 15]
    assert tokens("x" + (low + "\u00ad" + high) * 500 + "y") == ["x" + low * 15 + high * 15 + "y"]


UNITS = ["a\u0301\u0327", "a", "\u0e01\u0e48", "\u4eba", "\u0301\u0327", "\u00ad", "a\u3042", "'", "\u0301\u00ad\u0327"]


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_for_a_long_text_grows_with_its_length_alone(unit: str) -> None:
    def seconds(count: int) -> float:
        started = time.process_time()
        tokens(unit * count)
        return time.process_time() - started

    seconds(10)  # compiles the patterns
    assert min(seconds(40_000) for _ in range(2)) < 40 * max(seconds(4_000), 0.001)
