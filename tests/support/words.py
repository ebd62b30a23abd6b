"""The analysis `words-1` once more: character by character, from `unicodedata` alone."""

import unicodedata
from itertools import pairwise

# Default_Ignorable_Code_Point of Unicode 15.0, without letters of Hangul, vowels of Khmer, format characters of music
# and shorthand, and zero width space.
IGNORED = [
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x180B, 0x180F), (0x200C, 0x200F), (0x202A, 0x202E)),
    *((0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0000, 0xE0FFF)),
]
UNSPACED_NAMES = (
    *("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ITERATION", "IDEOGRAPHIC CLOSING"),
    *("IDEOGRAPHIC NUMBER", "VERTICAL IDEOGRAPHIC", "HANGZHOU", "HIRAGANA", "KATAKANA", "HENTAIGANA", "VERTICAL KANA"),
    *("MASU MARK", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR"),
)


def is_ignored(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in IGNORED)


def is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc")


def is_unspaced(character: str) -> bool:
    is_letter = unicodedata.category(character) in ("Lo", "Lm", "Nl")
    return (is_letter and unicodedata.name(character, "").startswith(UNSPACED_NAMES)) or is_of_the_planes_of_han(
        character
    )


def is_of_the_planes_of_han(character: str) -> bool:
    return 0x20000 <= ord(character) <= 0x3FFFD


def is_letter_or_digit(character: str) -> bool:
    if is_of_the_planes_of_han(character):
        return True
    return unicodedata.category(character)[0] in "LN" and character not in "\u02bb\u02bc"


def tokens(text: str, *, dotless: bool = False) -> list[str]:
    """Return the tokens of a text."""
    kept = _without_excess("".join(character for character in text if not is_ignored(character)))
    folded = ""
    for character in unicodedata.normalize("NFKC", kept):
        if character == "\u0130":
            folded += "i"
        elif character == "I" and dotless:
            folded += "\u0131"
        else:
            folded += character.casefold()
    normal = unicodedata.normalize("NFKC", folded)
    return [token[: _fitting(token)] for characters, unspaced in _runs(normal) for token in _of(characters, unspaced)]


def _without_excess(text: str) -> str:
    """Return a text without the marks that follow 30 others."""
    kept, marks = "", 0
    for character in text:
        marks = marks + 1 if is_mark(character) else 0
        kept += character if marks <= 30 else ""
    return kept


def _runs(folded: str) -> list[tuple[list[str], bool]]:
    """Return the runs of a folded text: their characters with marks, and if they are of an unspaced script."""
    runs: list[tuple[list[str], bool]] = []
    open_run: list[str] | None = None
    for character in folded:
        if is_mark(character):
            if open_run is not None:
                open_run[-1] += character
        elif not is_letter_or_digit(character):
            open_run = None
        else:
            if open_run is None or runs[-1][1] != is_unspaced(character):
                open_run = []
                runs.append((open_run, is_unspaced(character)))
            open_run.append(character)
    return runs


def _of(characters: list[str], unspaced: bool) -> list[str]:
    if not unspaced:
        return ["".join(characters)]
    return [first + second for first, second in pairwise(characters)] + characters[-1:]


def _fitting(token: str) -> int:
    """Return how many characters of a token have at most 128 bytes."""
    size = 0
    for number, character in enumerate(token):
        size += len(character.encode())
        if size > 128:
            return number
    return len(token)
