"""Which vectors a request means: by their ids, or by a filter on their metadata."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from vectord.errors import FilterInvalid
from vectord.index.rows import RowMask
from vectord.index.state import Index

if TYPE_CHECKING:
    from vectord.filters.tree import Filter


class Selection(msgspec.Struct, frozen=True):
    """Vectors of `ids`, or those that satisfy `filter`, which is JSON text."""

    ids: list[str] | None = None
    filter: str | None = None


class Patch(msgspec.Struct, frozen=True):
    """What metadata becomes: `merge` by RFC 7396, or `replace`; JSON text, `null` clears."""

    metadata: msgspec.Raw
    mode: Literal["merge", "replace"] = "merge"


def tree_of(text: str | None) -> "Filter | None":
    """Return the filter that a JSON text is, None for none.

    Raises:
        FilterInvalid: it is none.
    """
    from vectord.filters.parse import parse  # noqa: PLC0415 - most requests have none

    if text is None:
        return None
    try:
        return parse(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise FilterInvalid("filter", "is not JSON, or nested too deeply.") from error


def matching(index: Index, text: str | None) -> RowMask | None:
    """Return the rows that satisfy a filter, JSON text; None if there is no filter, so that all rows do."""
    tree = tree_of(text)
    if tree is None:
        return None
    from vectord.index.query import filtering  # noqa: PLC0415  most requests have no filter

    return filtering.matching_rows(index, tree)


def selected(index: Index, which: Selection) -> Mapping[str, int]:
    """Return the rows, by id, of the selected vectors that exist."""
    if which.ids is not None:
        return index.find(list(dict.fromkeys(which.ids)))
    found = matching(index, which.filter)
    if found is None:
        raise AssertionError("a selection has ids or a filter")
    rows = found.rows.tolist()
    return dict(zip(index.ids_of(rows), rows, strict=True))
