"""Find a key that a JSON object has more than once.

A decoder keeps the last value and drops the others silently. Where that would drop a condition or an id, the request is
refused. Counting colons finds almost every text without a repetition, so that few texts are parsed a second time: each
member has one colon, and a text without repetitions has no other colons unless they are in strings.
"""

import json
from collections.abc import Iterable


def repeated_outermost(text: bytes) -> str | None:
    """Return a key that a JSON object has more than once, not looking into its values; None if there is none."""
    keys: list[str] = []

    def remember(pairs: list[tuple[str, object]]) -> None:
        keys[:] = [key for key, _ in pairs]  # the outermost object is completed last

    json.loads(text, object_pairs_hook=remember, parse_int=str, parse_float=str)
    return _first_repeated(keys)


def repeated_anywhere(text: str, value: object) -> str | None:
    """Return a key that an object in `text`, the JSON text of `value`, has more than once; None if there is none."""
    if text.count(":") == _members(value):
        return None
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        if (key := _first_repeated(key for key, _ in pairs)) is not None:
            found.append(key)

    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return found[0] if found else None


def _members(value: object) -> int:
    """Return the number of members of all objects in a JSON value."""
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    return sum(map(_members, value)) if isinstance(value, list) else 0


def _first_repeated(keys: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None
