"""Write searches inside texts as globs of the filter language, such as `*alien*` or `[Aa]lien*`.

A glob has no escape character: a literal `*`, `?` or `[` is written as a set of one character, such as `[*]`.
"""

from typing import Final

_WILDCARDS: Final = "*?["


def containing(text: str, *, any_case: bool = False) -> str:
    """Return the glob of all texts that contain `text`; with `any_case` in upper or lower case."""
    return f"*{_literal(text, any_case)}*"


def like(pattern: str, *, any_case: bool = False) -> str:
    """Return the glob of a pattern of SQL's LIKE: `%` is any text, `_` one character, a backslash escapes one."""
    pieces, characters = [], iter(pattern)
    for character in characters:
        match character:
            case "%":
                pieces.append("*")
            case "_":
                pieces.append("?")
            case "\\":
                pieces.append(_literal(next(characters, "\\"), any_case))
            case _:
                pieces.append(_literal(character, any_case))
    return "".join(pieces)


def _literal(text: str, any_case: bool) -> str:
    return "".join(_character(character, any_case) for character in text)


def _character(character: str, any_case: bool) -> str:
    if character in _WILDCARDS:
        return f"[{character}]"
    lower, upper = character.lower(), character.upper()
    if any_case and lower != upper and len(lower) == len(upper) == 1:
        return f"[{lower}{upper}]"
    return character
