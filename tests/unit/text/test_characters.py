"""The sets of characters are those of Unicode 15.0, and the patterns for few characters match as the others do."""

import re
import sys
import unicodedata

import pytest

from tests.support import words
from vectord.text import characters
from vectord.text.characters import Width

pytestmark = pytest.mark.slow  # each test goes over all characters

EACH = [chr(code) for code in range(sys.maxunicode + 1)]
PLANES_OF_HAN = range(0x20000, 0x3FFFE)


def members(ranges: str) -> set[str]:
    return set(re.findall(f"[{ranges}]", "".join(EACH)))


def test_these_are_the_sets_of_unicode_15() -> None:
    assert unicodedata.unidata_version == "15.0.0"


def test_marks_are_those_of_unicode_without_what_is_ignored() -> None:
    assert members(characters.MARKS) == {each for each in EACH if words.is_mark(each) and not words.is_ignored(each)}


def test_what_is_ignored_is_invisible_and_no_letter() -> None:
    ignored = members(characters.IGNORED)
    assert ignored == set(filter(words.is_ignored, EACH))
    assert {unicodedata.category(each) for each in ignored} == {"Cf", "Mn", "Cn"}


def test_unspaced_letters_are_those_of_their_scripts_in_normal_form() -> None:
    normal = {each for each in EACH if words.is_unspaced(each) and unicodedata.normalize("NFKC", each) == each}
    assert {each for each in members(characters.UNSPACED) if ord(each) not in PLANES_OF_HAN} == {
        each for each in normal if ord(each) not in PLANES_OF_HAN
    }
    of_planes = {each for each in EACH if ord(each) in PLANES_OF_HAN and unicodedata.name(each, "")}
    assert {unicodedata.name(each).split("-")[0] for each in of_planes} == {
        *("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH")
    }


def test_the_ranges_of_unspaced_letters_contain_the_letters_that_their_pattern_matches() -> None:
    assert list(filter(characters.is_unspaced, EACH)) == sorted(members(characters.UNSPACED))


def test_what_may_join_the_character_before_it_is_what_composes_or_is_reordered() -> None:
    """A character that NFKC changes together with others is a mark, or the second of a canonical composition."""
    seconds = {chr(code) for code in [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]}  # Hangul, which has a rule
    for each in EACH:
        parts = unicodedata.decomposition(each).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))
    firsts = {each: unicodedata.normalize("NFKC", each)[:1] for each in EACH}
    joining = {each for each, first in firsts.items() if unicodedata.combining(first) or first in seconds}
    assert joining <= members(characters.MARKS + characters.JOINED + characters.IGNORED)
    assert {each for each in members(characters.JOINED) if unicodedata.category(each) != "Me"} <= joining


@pytest.mark.parametrize(
    "text",
    ["a\u0301 \u2019\u20ac\u2603 \u1ec7\u0915\u094d", "\u4eba \u0e01\u0e48\uac00", "\u0141", "a\U0001f600\U0001f10bb"],
)
def test_patterns_for_few_characters_match_as_the_pattern_for_all(text: str) -> None:
    needed = characters.width(text)
    assert needed < Width.ALL
    assert characters.runs(needed).findall(text) == characters.runs(Width.ALL).findall(text)


def test_a_narrow_text_has_no_unspaced_letter_and_no_mark_that_its_pattern_lacks() -> None:
    widths = {each: characters.width(each) for each in EACH}
    narrow = {each for each, width in widths.items() if width == Width.NARROW}
    assert narrow & members(characters.UNSPACED) == set()
    known = set(characters.mark(Width.NARROW).findall("".join(EACH)))
    assert narrow & members(characters.MARKS) == known
    not_wide = {each for each in members(characters.MARKS + characters.UNSPACED) if each > "\uffff"}
    assert not_wide <= {each for each, width in widths.items() if width == Width.ALL}
