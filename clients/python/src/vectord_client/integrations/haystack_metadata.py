"""What the Haystack store says about the metadata of its documents: fields, distinct values, minimum and maximum.

Facets answer where they are exact. Otherwise the metadata of the documents is read. In both cases each element of a
list is a value, as in filters; None and dicts are not values.
"""

from collections.abc import Sequence
from typing import Any, Final

from vectord_client.integrations.access import IndexAccess
from vectord_client.integrations.haystack_filters import row_filter
from vectord_client.integrations.steps import Call, EachRow, Steps
from vectord_client.metadata_paths import values_at
from vectord_client.values import Facet, Facets, Row

Filters = dict[str, Any] | None

_PATHS: Final = 16  # of one request for facets
_VALUES: Final = 1_000  # of one path
_NAMES: Final = {bool: "boolean", int: "int", float: "float"}


def count_unique(access: IndexAccess, filters: Filters, fields: Sequence[str]) -> Steps[dict[str, int]]:
    """Return how many distinct values each field has; 1 and 1.0 are one value."""
    counts: dict[str, int] = {}
    for start in range(0, len(fields), _PATHS):
        keys = [_key(field) for field in fields[start : start + _PATHS]]
        facets = yield from _facets(access, keys, filters)
        for key, facet in zip(keys, facets, strict=True):
            counts[key] = yield from _distinct(access, filters, key, facet)
    return counts


def unique_values(
    access: IndexAccess, field: str, search_term: str | None, filters: Filters, *, start: int, size: int
) -> Steps[tuple[list[Any], int]]:
    """Return `size` distinct values of a field from `start` on, ordered by their text, and the number of all.

    Values of different types differ, also 1 and 1.0. With `search_term` only values whose text contains it, in upper or
    lower case, count.
    """
    key = _key(field)
    facets = yield from _facets(access, [key], filters)
    values = _typed_values(facets[0])
    if values is None:
        values = yield from _read_values(access, filters, key)
    unique = {(type(value).__name__, value): value for value in values if value is not None}
    chosen = [value for value in unique.values() if not search_term or search_term.lower() in str(value).lower()]
    chosen.sort(key=lambda value: (str(value), type(value).__name__))
    return chosen[start : start + size], len(chosen)


def minimum_maximum(access: IndexAccess, field: str) -> Steps[dict[str, Any]]:
    """Return the minimum and the maximum of a field: of its numbers; without numbers of its texts."""
    key = _key(field)
    (facet,) = yield from _facets(access, [key], None)
    if facet.min is not None or not facet.rows:
        return {"min": facet.min, "max": facet.max}
    values = [each.value for each in facet.values]
    if facet.approximate or facet.distinct > len(values):
        values = yield from _read_values(access, None, key)
    texts = [value for value in values if isinstance(value, str)]
    return {"min": min(texts, default=None), "max": max(texts, default=None)}


def fields_info(access: IndexAccess) -> Steps[dict[str, dict[str, str]]]:
    """Return the type of each key of `meta`, of all documents: keyword, int, float or boolean."""
    types: dict[str, set[str]] = {}

    def visit(row: Row) -> None:
        for key, value in _meta(row).items():
            if value is not None:
                types.setdefault(key, set()).add(_NAMES.get(type(value), "keyword"))

    yield from access.read(EachRow(lambda index: index.rows(), visit), missing=None)
    return {key: {"type": _common(names)} for key, names in types.items()}


def _facets(access: IndexAccess, keys: Sequence[str], filters: Filters) -> Steps[list[Facet]]:
    """Return the facets of keys of `meta`, in their order."""
    paths, selected = [f"meta.{key}" for key in keys], row_filter(filters) if filters else None
    found: Facets | None = yield from access.read(
        Call(lambda index: index.facets(paths, filter=selected, limit=_VALUES)), missing=None
    )
    if found is None:
        return [Facet(path=path, rows=0, distinct=0, values=()) for path in paths]
    return list(found)


def _distinct(access: IndexAccess, filters: Filters, key: str, facet: Facet) -> Steps[int]:
    """Return how many distinct values that are not None a key has."""
    if facet.approximate:
        values = yield from _read_values(access, filters, key)
        return len({(isinstance(value, bool), value) for value in values if value is not None})
    if facet.distinct <= len(facet.values):
        return sum(each.value is not None for each in facet.values)
    is_null = {f"meta.{key}": None}
    selected = {"$and": [row_filter(filters), is_null]} if filters else is_null
    nulls: int = yield from access.read(Call(lambda index: index.count(filter=selected)), missing=0)
    return facet.distinct - (nulls > 0)


def _typed_values(facet: Facet) -> list[Any] | None:
    """Return the values of a facet; None if some are missing, or may be floats that the facet shows as integers."""
    values = [each.value for each in facet.values]
    if facet.approximate or facet.distinct > len(values) or any(type(value) is int for value in values):
        return None
    return values


def _read_values(access: IndexAccess, filters: Filters, key: str) -> Steps[list[Any]]:
    """Return the distinct values of a key, read from the documents."""
    selected = row_filter(filters) if filters else None
    values: dict[tuple[type, Any], Any] = {}

    def visit(row: Row) -> None:
        values.update({(type(value), value): value for value in values_at(_meta(row), key)})

    yield from access.read(EachRow(lambda index: index.rows(filter=selected), visit), missing=None)
    return list(values.values())


def _meta(row: Row) -> dict[str, Any]:
    """Return the `meta` of a row; one that another program wrote has none."""
    found = row.metadata.get("meta") if isinstance(row.metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _common(names: set[str]) -> str:
    """Return the one type of values with these types."""
    if names == {"int", "float"}:
        return "float"
    return names.pop() if len(names) == 1 else "keyword"


def _key(field: str) -> str:
    return field.removeprefix("meta.")
