"""Where the tokens of a text are in it, although its characters change when they are folded.

An offset counts characters (code points) of the text as it was given. A token begins with the first and ends after the
last character that contributes to it: the token `fi` of U+FB01, one character, is that character. A token that was cut
has the place of the whole.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import pairwise

import msgspec
import numpy as np

from vectord.text.characters import ascii_runs, pieces, runs, width
from vectord.text.tokens import Kind, cut, divided, fold, in_lower_case, is_plain

type Span = tuple[int, int]  # from the first to before the second


class Located(msgspec.Struct, frozen=True):
    """A token of a text: its place is from `start` to before `end`. Its position in the text is its number there."""

    token: str
    start: int
    end: int
    kind: Kind


def located(text: str, *, dotless: bool = False) -> list[Located]:
    """Return the tokens of a text as `tokens` does, and where they are."""
    if is_plain(text, dotless=dotless):
        found = ascii_runs().finditer(text.lower())
        return [Located(cut(run[0]), run.start(), run.end(), Kind.WORD) for run in found]
    folded, places = _folded_with_places(text, dotless=dotless)
    return [
        Located(cut(folded[start:end]), places[start][0], places[end - 1][1], kind)
        for run in runs(width(folded)).finditer(folded)
        for start, end, kind in _shifted(divided(run[0]), run.start())
    ]


def spans_in_text(text: str, folded: str, spans: Sequence[Span], *, dotless: bool = False) -> list[Span]:
    """Return where parts of the folded text, in the order of their ends, are in the text; few take less than all."""
    if not spans or _is_one_to_one(text, folded, dotless=dotless):
        return list(spans)
    known = cache(partial(fold, dotless=dotless))  # a text has few different pieces
    parts = pieces().findall(text)
    ends = np.cumsum([len(part) for part in parts])
    folded_ends = np.cumsum([len(known(part)) for part in parts])

    def place(of: int) -> Span:
        number = int(np.searchsorted(folded_ends, of, "right"))
        part = parts[number]
        at, rest = int(ends[number]) - len(part), of - int(folded_ends[number]) + len(known(part))
        for unit in _folded_alone(part, known):
            rest -= len(known(unit))
            if rest < 0:
                return at, at + len(unit)
            at += len(unit)
        raise AssertionError("the parts of a piece have all its characters")

    return [(place(start)[0], place(end - 1)[1]) for start, end in spans]


def _shifted(tokens: list[tuple[int, int, Kind]], by: int) -> Iterator[tuple[int, int, Kind]]:
    return ((start + by, end + by, kind) for start, end, kind in tokens)


def _folded_with_places(text: str, *, dotless: bool) -> tuple[str, list[tuple[int, int]]]:
    """Return a folded text, and for each of its characters the place that it has in the text."""
    folded = fold(text, dotless=dotless)
    if _is_one_to_one(text, folded, dotless=dotless):
        return folded, list(pairwise(range(len(text) + 1)))
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    known = cache(partial(fold, dotless=dotless))  # a text has few different pieces
    at = 0
    for piece in pieces().findall(text):
        for unit in _folded_alone(piece, known):
            parts.append(known(unit))
            places += [(at, at + len(unit))] * len(parts[-1])
            at += len(unit)
    return "".join(parts), places


def _is_one_to_one(text: str, folded: str, *, dotless: bool) -> bool:
    """Return True if each character of a text was folded alone, to one character."""
    return len(folded) == len(text) and folded == in_lower_case(text, dotless=dotless)


def _folded_alone(piece: str, folded: Callable[[str], str]) -> Sequence[str]:
    """Return the parts of a piece that are folded independently of each other: its characters, or all of it."""
    is_divisible = len(piece) == 1 or "".join(map(folded, piece)) == folded(piece)
    return piece if is_divisible else (piece,)
