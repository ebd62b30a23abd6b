"""Values at metadata paths as they travel between index, shards and edge: facets, and the order of rows."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from vectord.filters.values import Key, Kind

MAX_SORTED: Final = 1_024  # characters of a text by which it is sorted; a cursor has as many
MISSING: Final[Key] = (Kind.MISSING, 0)


class Facet(msgspec.Struct, frozen=True):
    """The distinct values at one path.

    `rows` is the number of rows with anything at the path. `counts` has the most frequent of `distinct` values with the
    number of rows that have each, ties in the order of values. `least` and `most` are the smallest and the greatest
    number. If the facet is `approximate`, `distinct` and the numbers of rows in `counts` are lower bounds, and a more
    frequent value may be missing.
    """

    rows: int
    distinct: int
    counts: Sequence[tuple[Key, int]]
    least: int | float | None
    most: int | float | None
    approximate: bool = False


class OrderedRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of an ordered listing: the key by which it is sorted, its id, and its number in its index."""

    key: Key
    id: str
    row: int = -1


class Order(msgspec.Struct, frozen=True):
    """An order of rows: by the value at `path`, ties by id; a page has rows after the row `after`.

    A row with several values has the place of the first of them in the order. Rows without a value, or with null,
    come last in either order.
    """

    path: str
    descending: bool = False
    after: OrderedRow | None = None


def key_in_order(keys: Iterable[Key], order: Order) -> Key:
    """Return the key by which a row with these values is sorted."""
    present = [key for key in keys if key[0] != Kind.NULL]
    if not present:
        return MISSING
    kind, payload = max(present) if order.descending else min(present)
    return kind, payload[:MAX_SORTED] if isinstance(payload, str) else payload


def sorted_rows(rows: Iterable[OrderedRow], order: Order) -> list[OrderedRow]:
    """Return rows in an order."""
    by_id = sorted(rows, key=lambda row: row.id)
    present = [row for row in by_id if row.key[0] != Kind.MISSING]
    missing = [row for row in by_id if row.key[0] == Kind.MISSING]
    return sorted(present, key=lambda row: row.key, reverse=order.descending) + missing


def is_after(row: OrderedRow, other: OrderedRow, order: Order) -> bool:
    """Return True if `row` comes after `other` in an order."""
    if row.key == other.key:
        return row.id > other.id
    if Kind.MISSING in (row.key[0], other.key[0]):
        return row.key[0] == Kind.MISSING
    return row.key < other.key if order.descending else row.key > other.key
