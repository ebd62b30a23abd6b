"""Values at paths of metadata, as filters and facets read them."""

from collections.abc import Iterator
from typing import Any


def first_value(metadata: Any, path: str) -> str | int | float | bool | None:
    """Return the first text, number or boolean at a path; None if there is none.

    `"by.name"` is the key `name` inside `by`, or a key that contains the dot. A path for a key that starts with `$` may
    have a backslash before it.
    """
    plain = path[1:] if path.lstrip("\\").startswith("$") and path.startswith("\\") else path
    return next(_values(metadata, plain.split(".")), None)


def _values(found: Any, keys: list[str]) -> Iterator[str | int | float | bool]:
    if isinstance(found, list):
        for element in found:
            yield from _values(element, keys)
    elif not keys:
        if isinstance(found, str | int | float):
            yield found
    elif isinstance(found, dict):
        for length in range(1, len(keys) + 1):
            if (key := ".".join(keys[:length])) in found:
                yield from _values(found[key], keys[length:])
