"""Globs: which texts match, the literal prefix of a pattern, and that no pattern is slow."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vectord.filters.glob import glob_matcher, literal_prefix

MATCHING = [
    ("", ""),
    ("abc", "abc"),
    ("*", ""),
    ("**", "abc"),
    ("a*", "a"),
    ("*c", "abc"),
    ("a*c", "abbc"),
    ("*b*", "abc"),
    ("a*b*c", "a.b.c"),
    ("a?c", "abc"),
    ("?", "\n"),
    ("[abc]x", "bx"),
    ("[a-c]x", "bx"),
    ("[!a-c]x", "dx"),
    ("[]]", "]"),
    ("[!]]", "a"),
    ("[*]", "*"),
    ("[?]", "?"),
    ("[[]x]", "[x]"),
    ("[a", "[a"),
    ("[a-]", "-"),
    ("[!z-a]", "q"),
    ("[]", "[]"),
    ("[!]", "[!]"),
    (r"a\*", r"a\b"),
    ("a.b", "a.b"),
    ("x*[0-9][0-9]", "x-07"),
    ("a\n*", "a\nb"),
    ("[\\-[!]", "!"),
]
NOT_MATCHING = [
    ("", "a"),
    ("abc", "abcd"),
    ("abc", "ABC"),
    ("a*", "ba"),
    ("*c", "cb"),
    ("ab*bc", "abc"),
    ("ab*b?", "abc"),
    ("*a*a*", "a"),
    ("a*b*a", "aba."),
    ("a*aa*a", "aaa"),
    ("?", ""),
    ("?", "ab"),
    ("[a-c]", "d"),
    ("[!a-c]", "b"),
    ("[z-a]", "q"),
    ("[*]", "a"),
    ("a.b", "axb"),
    ("abc", "abc\n"),
    ("*?c", "abc\n"),
    ("a\nb", "ab"),
    ("*b*c", "cbd"),
    ("*?a*b*", "xaa"),
    ("a*b*", "cab"),
    ("[\\-[!]", "a"),
]


@pytest.mark.parametrize(("pattern", "text"), MATCHING)
def test_a_text_matches(pattern: str, text: str) -> None:
    assert glob_matcher(pattern)(text)


@pytest.mark.parametrize(("pattern", "text"), NOT_MATCHING)
def test_a_text_does_not_match(pattern: str, text: str) -> None:
    assert not glob_matcher(pattern)(text)


texts = st.text("ab-]\n", max_size=12)
tokens = st.sampled_from(["a", "b", "-", "*", "*", "?", "[", "]", "!", "[ab]", "[!a]", "[a-b]", "[b-a]", "\\", "^"])
plain = st.sampled_from(["a", "b", "*"])
patterns = (st.lists(tokens, max_size=10) | st.lists(plain, max_size=8)).map("".join)


@given(patterns, texts)
@example("*[ab]a*", "ba")
def test_globs_agree_with_fnmatch(pattern: str, text: str) -> None:
    assert glob_matcher(pattern)(text) == fnmatchcase(text, pattern)


@given(patterns | st.text(max_size=6), st.text(max_size=12))
def test_globs_of_any_characters_agree_with_fnmatch(pattern: str, text: str) -> None:
    assert glob_matcher(pattern)(text) == fnmatchcase(text, pattern)


@given(patterns, texts, st.sampled_from(["a", "é", "\U0001f600"]), st.integers(-14, 3), texts)
@example("*b", "", "a", -1, "b")
@example("*b", "", "a", 0, "b")
@example("*[b]?", "", "a", -2, "b-")
@example("*b-*", "", "a", -1, "b-")
@example("a*b", "a", "a", -1, "b")
@example("*a*b", "", "a", 0, "b")
@example("a*-*a", "a", "a", 0, "-a")
@settings(max_examples=50)
def test_a_glob_is_matched_against_the_first_65_536_characters(
    pattern: str, start: str, filling: str, shift: int, end: str
) -> None:
    """`shift` places `end` around the limit; the reference is fnmatch on a text that was cut there."""
    text = start + filling * (65_536 + shift - len(start)) + end
    assert glob_matcher(pattern)(text) == fnmatchcase(text[:65_536], pattern)


@given(st.sampled_from(["", "!"]), st.text("abc-^&|~[]\\", min_size=1, max_size=8), st.characters())
def test_sets_agree_with_fnmatch(negation: str, members: str, character: str) -> None:
    """`!` is only generated as the first member: after a backward range fnmatch treats it as a negation."""
    inside = negation + members
    assert glob_matcher(f"[{inside}]")(character) == fnmatchcase(character, f"[{inside}]")


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_pattern_without_wildcards_matches_only_itself(pattern: str, text: str) -> None:
    bare = re.sub(r"[*?\[]", "", pattern)
    assert glob_matcher(bare)(bare)
    assert glob_matcher(bare)(text) == (bare == text)


@pytest.mark.parametrize(
    ("pattern", "start"),
    [("abc", "abc"), ("abc*d", "abc"), ("ab?d", "ab"), ("ab[cd]", "ab"), ("a[*]b*", "a*b"), ("a[", "a["), ("*a", "")],
)
def test_the_literal_prefix_ends_at_the_first_wildcard(pattern: str, start: str) -> None:
    assert literal_prefix(pattern) == start


@given(patterns, texts)
def test_every_match_starts_with_the_literal_prefix(pattern: str, text: str) -> None:
    assert text.startswith(literal_prefix(pattern)) or not glob_matcher(pattern)(text)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer; regular expressions check for signals while they match."""

    def late(*_: object) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


HOSTILE = [
    "*a*a*a*a*b",
    "a*" * 511 + "b",
    "*a?a*a?*b",
    "*" + "a" * 1_000 + "b*",
    "*" + "[ab]*" * 200 + "c",
    "*" + "[ab]" * 250 + "c*",
    "*" + "a?" * 500 + "b*",
    "*" + "?" * 1_000 + "b",
    "?*" * 511 + "b",
    "*" + "a" * 1_000 + "[bc]*",
    "*" + "[!b]" * 250 + "c*",
    "[" * 1_024,
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: pattern[:12])
def test_no_pattern_needs_exponential_time(pattern: str) -> None:
    """Backtracking over all positions of the stars would take years; each pattern takes less than 0.2 s."""
    with at_most(seconds=10):
        assert not glob_matcher(pattern)("a" * 5_000_000)
