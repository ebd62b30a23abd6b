"""Texts to tokens: the first step of the analysis `words-1`.

A text is folded: what has no meaning of its own is removed (`IGNORED`), the rest is normalized (NFKC) and casefolded. A
run of letters, digits and combining marks is one token. Everything else separates, and so do `_`, `-` and apostrophes.
A mark belongs to the run before it; marks without a run before them are not a part of any token, nor are those after
`MAX_MARKS` others. A lone surrogate is no letter, and separates.

Scripts without spaces (`UNSPACED`: Han, kana, Hangul, Thai, Lao, Khmer, Burmese) do not show where a word ends. A run
of them becomes overlapping pairs of characters, each a letter with its marks, and its last character alone: ABC becomes
AB, BC, C. So exactly one token starts at each character. Two characters or more are found by their pairs, wherever they
stand. One character is found as the beginning of tokens; without the last one, that at the end of a run would not be.
A query is analysed without the last tokens of its runs (`query.py`): AB stands in ABC, but B is no token of ABC.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Final

from vectord.text.characters import Width, ascii_runs, characters, excess, ignored, is_unspaced, mark, runs, width

MAX_TOKEN: Final = 128  # bytes of UTF-8; what is longer is cut
_SHORT: Final = MAX_TOKEN // 4  # characters that are never longer than that
_FIRST_UNSPACED: Final = "\u0e01"
_I_WITH_DOT: Final = "\u0130"
_I_WITHOUT_DOT: Final = "\u0131"


class Kind(IntEnum):
    """What a token is: a word, or of a run of an unspaced script a pair, the last character, or the only one."""

    WORD = 0
    PAIR = 1
    LAST = 2
    ONLY = 3


def tokens(text: str, *, dotless: bool = False) -> list[str]:
    """Return the tokens of a text, in their order. `dotless` as in `fold`."""
    found = uncut(text, dotless=dotless)
    return found if max(map(len, found), default=0) <= _SHORT else [cut(token) for token in found]


def uncut(text: str, *, dotless: bool = False) -> list[str]:
    """Return the tokens of a text before long ones are cut."""
    if is_plain(text, dotless=dotless):
        return ascii_runs().findall(text.lower())
    folded = fold(text, dotless=dotless)
    needed = width(folded)
    found: list[str] = runs(needed).findall(folded)
    if needed == Width.NARROW:
        return found
    return [token for run in found for token in _tokens_of(run, needed)]


def is_plain(text: str, *, dotless: bool) -> bool:
    """Return True if to fold a text is to write it in lower case."""
    return text.isascii() and not (dotless and "I" in text)


def fold(text: str, *, dotless: bool = False) -> str:
    """Return a text in the form in which its characters are compared.

    The capital I with a dot is i in every language. `dotless` is for Turkish: the capital I without a dot is U+0131.
    """
    for pattern in (ignored(), excess(width(text))):
        if pattern.search(text) is not None:
            text = pattern.sub("", text)
    lower = in_lower_case(unicodedata.normalize("NFKC", text), dotless=dotless)
    return unicodedata.normalize("NFKC", lower)  # of a few characters, the lower case has another normal form


def in_lower_case(normal: str, *, dotless: bool) -> str:
    """Return a normalized text in lower case, as `fold` does."""
    undotted = normal.replace("I", _I_WITHOUT_DOT) if dotless else normal
    return undotted.replace(_I_WITH_DOT, "i").casefold()


def cut(token: str) -> str:
    """Return the first characters of a token, as many as have at most `MAX_TOKEN` bytes."""
    return token if len(token) <= _SHORT else token.encode()[:MAX_TOKEN].decode(errors="ignore")


def divided(run: str) -> list[tuple[int, int, Kind]]:
    """Return start, end and kind of each token in a run."""
    if not is_unspaced(run[0]):
        return [(0, len(run), Kind.WORD)]
    ends = [found.end() for found in characters(width(run)).finditer(run)]
    if len(ends) == 1:
        return [(0, ends[0], Kind.ONLY)]
    starts = [0, *ends[:-1]]
    pairs = [(start, end, Kind.PAIR) for start, end in zip(starts, ends[1:], strict=False)]
    return [*pairs, (starts[-1], ends[-1], Kind.LAST)]


def _tokens_of(run: str, needed: Width) -> Iterable[str]:
    """Return the tokens of a run, as `divided` does, but faster."""
    if run[0] < _FIRST_UNSPACED or not is_unspaced(run[0]):
        return (run,)
    has_marks = mark(needed).search(run) is not None
    parts: Sequence[str] = characters(needed).findall(run) if has_marks else run
    return chain(map(str.__add__, parts, parts[1:]), parts[-1:])
