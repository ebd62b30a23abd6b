"""Text in cells of a terminal: its width, and characters that must not reach the terminal."""

import unicodedata
from functools import lru_cache

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Marks that change the direction of the text around them: an id could show another text than it has.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_HIDDEN = ("Cc", "Cs", "Zl", "Zp")


@lru_cache(maxsize=4096)
def _cells(char: str) -> int:
    if char in ("\u200d", "\ufe0e", "\ufe0f") or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def width(text: str) -> int:
    """Return how many cells of a terminal a text covers: East Asian wide characters cover two, accents none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Fill a text with blanks to a width; with `right` it stands at the right."""
    blanks = " " * max(0, cells - width(text))
    return blanks + text if right else text + blanks


def elide(text: str, cells: int, mark: str = "…") -> str:
    """Shorten a text to a width; a shortened text ends with the mark."""
    if width(text) <= cells:
        return text
    room, kept = cells - width(mark), 0
    if room < 0:
        return mark[:cells]
    for at, char in enumerate(text):
        kept += _cells(char)
        if kept > room:
            return text[:at] + mark
    return text


def printable(text: str, encoding: str = "utf-8") -> str:
    """Escape what a terminal would obey or could not show: control characters, marks of direction, lone surrogates.

    An id or a value of metadata is written by others; an escape sequence in it must not reach the reader's terminal.
    """
    if not text.isprintable():
        text = "".join(_escape(char) for char in text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char in _BIDI or unicodedata.category(char) in _HIDDEN:
        code = ord(char)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return char
