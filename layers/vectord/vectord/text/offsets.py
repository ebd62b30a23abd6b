"""Where the tokens of a text are in it, although its characters change when they are folded.

An offset counts characters (code points) of the text as it was given. A token begins with the first and ends after the
last character that contributes to it: the token `fi` of U+FB01, one character, is that character. A token that was cut
has the place of the whole.
"""

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from vectord.text.characters import ascii_runs, ignored, pieces, runs, width
from vectord.text.tokens import Kind, cut, divided, fold, in_lower_case, is_plain


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


def _shifted(tokens: list[tuple[int, int, Kind]], by: int) -> Iterator[tuple[int, int, Kind]]:
    return ((start + by, end + by, kind) for start, end, kind in tokens)


def _folded_with_places(text: str, *, dotless: bool) -> tuple[str, list[tuple[int, int]]]:
    """Return a folded text, and for each of its characters the place that it has in the text."""
    folded = fold(text, dotless=dotless)
    if _is_one_to_one(text, folded, dotless=dotless):
        return folded, list(pairwise(range(len(text) + 1)))
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    for piece in pieces().finditer(text):
        for start, end in _divided_piece(piece[0], dotless=dotless):
            part = fold(piece[0][start:end], dotless=dotless)
            parts.append(part)
            places += [(piece.start() + start, piece.start() + end)] * len(part)
    return "".join(parts), places


def _is_one_to_one(text: str, folded: str, *, dotless: bool) -> bool:
    """Return True if each character of a text was folded alone, and to one character.

    The lower case of a character has one character or more.
    """
    is_normal = unicodedata.is_normalized("NFKC", text) and ignored().search(text) is None
    return is_normal and len(folded) == len(text) and folded == in_lower_case(text, dotless=dotless)


def _divided_piece(piece: str, *, dotless: bool) -> list[tuple[int, int]]:
    """Return the places in a piece that are folded independently: its characters, or all of it."""
    alone = "".join(fold(character, dotless=dotless) for character in piece)
    return list(pairwise(range(len(piece) + 1))) if alone == fold(piece, dotless=dotless) else [(0, len(piece))]
