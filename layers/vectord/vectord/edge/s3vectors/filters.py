"""Metadata filters as S3 Vectors defines them: a part of the native language, in which mistakes are refused.

Beyond S3 Vectors' own operators it accepts `$not`, `$prefix`, `$glob`, texts in comparisons, and several conditions in
one object. S3 Vectors refuses these, so no filter means something else there.
"""

from collections.abc import Iterator, Sequence

import msgspec

from vectord.edge.filters import filter_text
from vectord.edge.s3vectors.faults import FieldError, FieldsInvalid
from vectord.errors import FilterInvalid
from vectord.filters.tree import And, Filter, In, Not, Or, Words, paths
from vectord.service.values.selection import parse_filter


def read_filter(raw: msgspec.Raw) -> str | None:
    """Return the JSON text of a filter; None if it is absent, null or `{}`, which every vector matches.

    Raises:
        FieldsInvalid: it is not a filter of S3 Vectors.
    """
    try:
        text = filter_text(raw)
        tree = parse_filter(text)
        if tree is None or text is None or (tree == And(()) and msgspec.json.decode(text) == {}):
            return None
        _check(tree)
    except FilterInvalid as error:
        raise _invalid(error) from error
    return text


def check_filterable(text: str | None, non_filterable: Sequence[str]) -> None:
    """Raise FieldsInvalid if a filter, JSON text, tests the value of a non-filterable metadata key, or a part of it."""
    tree = parse_filter(text)
    if tree is None or not non_filterable:
        return
    tested = paths(tree)
    for key in non_filterable:
        if any(path == key or path.startswith(f"{key}.") for path in tested):
            reason = f"tests {key!r}, which is a non-filterable metadata key of this index."
            raise _invalid(FilterInvalid("filter", reason))


def _check(tree: Filter) -> None:
    """Raise FilterInvalid if a filter is valid in the native API, but not in S3 Vectors, and may be a mistake."""
    for node in _nodes(tree):
        match node:
            case And(()) | Or(()):
                raise FilterInvalid("filter", "has a filter without conditions, or a $and or $or without filters.")
            case In(path, ()):
                raise FilterInvalid("filter", f"has a $in or $nin without values, at {path!r}.")
            case In(path, values) if None in values:
                raise FilterInvalid("filter", f"compares {path!r} with null. To test for a key use $exists.")
            case Words(where=where):
                raise FilterInvalid(where, "is no operator of S3 Vectors.")
            case _:
                pass


def _invalid(error: FilterInvalid) -> FieldsInvalid:
    return FieldsInvalid(f"Invalid query filter: {error}", [FieldError(error.where, error.reason)])


def _nodes(tree: Filter) -> Iterator[Filter]:
    yield tree
    match tree:
        case And(filters) | Or(filters):
            for inner in filters:
                yield from _nodes(inner)
        case Not(inner):
            yield from _nodes(inner)
        case _:
            pass
