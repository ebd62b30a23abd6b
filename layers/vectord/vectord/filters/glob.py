"""Globs: patterns with `*`, `?` and sets such as `[a-z]`, with the meaning of Python's fnmatch.

A glob is matched against the first `MAX_GLOB_TEXT` characters of a text, as if the text ended there.

No pattern is slow: each piece between two stars is matched only at the first possible position, so the time is at most
proportional to the matched characters times the length of the longest piece. docs/decisions/filters.md has the figures,
and says why fnmatch itself is not used.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby
from typing import Final

from vectord.filters.limits import MAX_GLOB_TEXT

# A closed set, or one character. A `]` directly after the bracket is a member. Quantifiers are possessive, so that `[]`
# is not a closed set.
_TOKEN: Final = re.compile(r"\[!?+\]?+[^\]]*+\]|.", re.DOTALL)


@lru_cache(maxsize=256)
def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that returns True if `pattern` matches the first `MAX_GLOB_TEXT` characters of a text."""
    pieces = _split_at_stars(pattern)
    literals = [_literal(piece) for piece in pieces]
    texts = [text for text in literals if text is not None]
    if len(texts) == len(pieces):
        return _literal_matcher(texts)
    fullmatch = re.compile(_regex(pieces), re.DOTALL).fullmatch
    return lambda text: fullmatch(text, 0, MAX_GLOB_TEXT) is not None


def literal_prefix(pattern: str) -> str:
    """Return the text with which every match of `pattern` starts; the whole pattern if it has no wildcard."""
    prefix = []
    for token in _TOKEN.findall(pattern):
        text = None if token == "*" else _literal([token])
        if text is None:
            break
        prefix.append(text)
    return "".join(prefix)


def _split_at_stars(pattern: str) -> list[list[str]]:
    """Split the tokens of a pattern at its stars; n stars make n + 1 pieces."""
    pieces: list[list[str]] = [[]]
    for token in _TOKEN.findall(pattern):
        if token == "*":
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _literal(piece: list[str]) -> str | None:
    """Return the only text that a piece matches; None if it can match several."""
    texts = []
    for token in piece:
        if token == "?" or len(token) not in (1, 3):
            return None
        texts.append(token[1] if len(token) == 3 else token)
    return "".join(texts)


def _literal_matcher(pieces: list[str]) -> Callable[[str], bool]:
    """Match literal pieces by text search: linear time for every pattern, and no loop for the most common patterns."""
    first, *inner = pieces
    if not inner:
        return lambda text: text[:MAX_GLOB_TEXT] == first
    last = inner.pop()
    inner = [piece for piece in inner if piece]
    if not first and not last and len(inner) == 1:
        return lambda text: inner[0] in text[:MAX_GLOB_TEXT]
    start = len(first)  # the last piece must not overlap with the first one

    def has_ends(text: str) -> bool:
        return text.startswith(first) and text.endswith(last, start, MAX_GLOB_TEXT)

    if not inner:
        return has_ends
    return lambda text: has_ends(text) and _occur_in_order(inner, text, start, len(last))


def _occur_in_order(pieces: list[str], text: str, start: int, reserved: int) -> bool:
    """Return True if the pieces follow each other in `text` from `start` on, before its last `reserved` characters."""
    end = min(len(text), MAX_GLOB_TEXT) - reserved
    for piece in pieces:
        position = text.find(piece, start, end)
        if position < 0:
            return False
        start = position + len(piece)
    return True


def _regex(pieces: list[list[str]]) -> str:
    """Return the regular expression of a glob; atomic groups prevent a second attempt at a later position."""
    first, *inner = pieces
    if not inner:
        return _characters(first)
    last = inner.pop()
    middle = "".join(f"(?>.*?{_characters(piece)})" for piece in inner if piece)
    # The last piece can only match at the end, so look for it only there.
    end = f"(?<={_characters(last)})" if last else ""
    return f"{_characters(first)}{middle}.{{{len(last)},}}+{end}"


def _characters(piece: list[str]) -> str:
    """Return the regular expression of a piece; the regex engine matches `x{3}` faster than `xxx`."""
    runs = ((_character(token), len(list(run))) for token, run in groupby(piece))
    return "".join(character if count == 1 else f"{character}{{{count}}}" for character, count in runs)


def _character(token: str) -> str:
    if token == "?":
        return "."
    if len(token) == 1:
        return re.escape(token)
    negated = token[1] == "!"
    members = _members(token[2:-1] if negated else token[1:-1])
    if not members:  # all ranges run backwards, such as [z-a]
        return r"[\s\S]" if negated else r"[^\s\S]"
    return f"[{'^' if negated else ''}{members}]"


def _members(inside: str) -> str:
    """Translate the members of a set, the text between its brackets, to those of a set in a regular expression."""
    members, at = [], 0
    while at < len(inside):
        low = high = inside[at]
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            high = inside[at + 2]
            at += 2
        at += 1
        if low <= high:
            members.append(re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}")
    return "".join(members)
