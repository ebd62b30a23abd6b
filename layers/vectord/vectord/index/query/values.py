"""The distinct values at a metadata path, as they travel from index and shards to the edge."""

from collections.abc import Sequence

import msgspec

from vectord.filters.values import Key


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
