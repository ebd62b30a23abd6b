"""Values at a path of metadata, as filters and text fields find them."""

from collections.abc import Iterator
from typing import Any


def values_at(value: Any, path: str | None) -> Iterator[Any]:
    """Yield the scalar values at a path: a dot leads into a dict or is a part of a key, each element of a list counts.

    `None` is the path of the value itself.
    """
    match value:
        case list():
            for element in value:
                yield from values_at(element, path)
        case dict() if path is not None:
            for key, inner in value.items():
                if key == path:
                    yield from values_at(inner, None)
                elif path.startswith(f"{key}."):
                    yield from values_at(inner, path[len(key) + 1 :])
        case _ if path is None and not isinstance(value, dict):
            yield value
