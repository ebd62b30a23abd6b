"""Globs: what fits them, what every fit starts with, and that no pattern is slow."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vectord.filters.glob import glob_matcher, literal_prefix

FITTING = [
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
OTHERS = [
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


@pytest.mark.parametrize(("pattern", "text"), FITTING)
def test_a_text_fits(pattern: str, text: str) -> None:
    assert glob_matcher(pattern)(text)


@pytest.mark.parametrize(("pattern", "text"), OTHERS)
def test_a_text_does_not_fit(pattern: str, text: str) -> None:
    assert not glob_matcher(pattern)(text)


texts = st.text("ab-]\n", max_size=12)
tokens = st.sampled_from(["a", "b", "-", "*", "*", "?", "[", "]", "!", "[ab]", "[!a]", "[a-b]", "[b-a]", "\\", "^"])
plain = st.sampled_from(["a", "b", "*"])
patterns = (st.lists(tokens, max_size=10) | st.lists(plain, max_size=8)).map("".join)


@given(patterns, texts)
@example("*[ab]a*", "ba")
def test_globs_agree_with_those_of_the_standard_library(pattern: str, text: str) -> None:
    assert glob_matcher(pattern)(text) == fnmatchcase(text, pattern)


@given(st.sampled_from(["", "!"]), st.text("abc-^&|~[]\\", min_size=1, max_size=8), st.characters())
def test_sets_agree_with_those_of_the_standard_library(negation: str, members: str, character: str) -> None:
    """A `!` stands first only: where a range that runs backwards comes before it, fnmatch takes it for a negation."""
    inside = negation + members
    assert glob_matcher(f"[{inside}]")(character) == fnmatchcase(character, f"[{inside}]")


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_pattern_without_wildcards_fits_itself_alone(pattern: str, text: str) -> None:
    bare = re.sub(r"[*?\[]", "", pattern)
    assert glob_matcher(bare)(bare)
    assert glob_matcher(bare)(text) == (bare == text)


@pytest.mark.parametrize(
    ("pattern", "start"),
    [("abc", "abc"), ("abc*d", "abc"), ("ab?d", "ab"), ("ab[cd]", "ab"), ("a[*]b*", "a*b"), ("a[", "a["), ("*a", "")],
)
def test_the_literal_prefix_is_all_that_comes_before_the_first_wildcard(pattern: str, start: str) -> None:
    assert literal_prefix(pattern) == start


@given(patterns, texts)
def test_every_text_that_fits_starts_with_the_literal_prefix(pattern: str, text: str) -> None:
    assert text.startswith(literal_prefix(pattern)) or not glob_matcher(pattern)(text)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what runs too long; the matcher of expressions looks for signals as it works."""

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
    "[" * 1_024,
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: pattern[:12])
def test_no_pattern_backtracks_over_a_long_text(pattern: str) -> None:
    """A star that tried all its places would need years; each of these needs less than 0.1 s."""
    with at_most(seconds=10):
        assert not glob_matcher(pattern)("a" * 40_000)
