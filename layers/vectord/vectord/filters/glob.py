"""Globs: texts with `*`, `?` and sets such as `[a-z]`, as the shell has them and Python's fnmatch.

No pattern is slow: a star takes the first place that what follows it fits, and never tries another.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

# A set that closes, or one character; a `]` first in a set stands for itself. Possessive, so that `[]` stays open.
_TOKEN: Final = re.compile(r"\[!?+\]?+[^\]]*+\]|.", re.DOTALL)


@lru_cache(maxsize=256)
def fits(pattern: str) -> Callable[[str], bool]:
    """Give the test of whether a whole text fits `pattern`."""
    pieces = _pieces(pattern)
    literal = [_literal(piece) for piece in pieces]
    texts = [text for text in literal if text is not None]
    if len(texts) == len(pieces):
        return _fits_texts(texts)
    fullmatch = re.compile(_expression(pieces), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def literal_prefix(pattern: str) -> str:
    """Give the text that everything that fits `pattern` starts with; all of it where it has no wildcard."""
    found = []
    for token in _TOKEN.findall(pattern):
        text = None if token == "*" else _literal([token])
        if text is None:
            break
        found.append(text)
    return "".join(found)


def _pieces(pattern: str) -> list[list[str]]:
    """Split the tokens of a pattern at its stars: n stars make n + 1 pieces."""
    pieces: list[list[str]] = [[]]
    for token in _TOKEN.findall(pattern):
        if token == "*":
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _literal(piece: list[str]) -> str | None:
    """Give the one text that a piece stands for; None if it stands for several."""
    texts = []
    for token in piece:
        if token == "?" or len(token) not in (1, 3):
            return None
        texts.append(token[1] if len(token) == 3 else token)
    return "".join(texts)


def _fits_texts(pieces: list[str]) -> Callable[[str], bool]:
    """Test by finding text in text: linear whatever the pattern, and the commonest shapes without a loop."""
    first, *inner = pieces
    if not inner:
        return lambda text: text == first
    last = inner.pop()
    inner = [piece for piece in inner if piece]
    if not first and not last and len(inner) == 1:
        return lambda text: inner[0] in text
    least = len(first) + len(last)
    if not inner:
        return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)
    return lambda text: text.startswith(first) and text.endswith(last) and _in_turn(inner, text, len(first), len(last))


def _in_turn(pieces: list[str], text: str, start: int, kept: int) -> bool:
    """Tell whether the pieces come one after another from `start` on, clear of the last `kept` characters."""
    end = len(text) - kept
    for piece in pieces:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def _expression(pieces: list[list[str]]) -> str:
    """Write the pieces as an expression that keeps the first place that each piece fits (an atomic group)."""
    first, *inner = pieces
    if not inner:
        return _characters(first)
    last = inner.pop()
    found = "".join(f"(?>.*?{_characters(piece)})" for piece in inner if piece)
    # The last piece lies at the end and nowhere else, so look there only.
    end = f"(?<={_characters(last)})" if last else ""
    return f"{_characters(first)}{found}.{{{len(last)},}}+{end}"


def _characters(piece: list[str]) -> str:
    return "".join(map(_character, piece))


def _character(token: str) -> str:
    if token == "?":
        return "."
    if len(token) == 1:
        return re.escape(token)
    negated = token[1] == "!"
    members = _members(token[2:-1] if negated else token[1:-1])
    if not members:  # only ranges that run backwards, such as [z-a]
        return r"[\s\S]" if negated else r"[^\s\S]"
    return f"[{'^' if negated else ''}{members}]"


def _members(inside: str) -> str:
    """Write what lies in a set's brackets as the members of a set in an expression."""
    members, at = [], 0
    while at < len(inside):
        low = high = inside[at]
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            high = inside[at + 2]
            at += 2
        at += 1
        if low <= high:
            members.append(f"{re.escape(low)}-{re.escape(high)}")
    return "".join(members)
