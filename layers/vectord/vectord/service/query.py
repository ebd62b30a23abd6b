"""What a search asks, in a form that can go to another function, and what the engine makes of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from vectord.index.query.query import DEFAULT_RECALL, Query
from vectord.index.rows import RowMask
from vectord.index.state import Index

if TYPE_CHECKING:
    from vectord.filters.tree import Filter


class Ask(msgspec.Struct, frozen=True):
    """How much a search wants: `k` matches, found as well as `recall` says, or with the effort `ef_search` if not 0.

    `filter` is a filter on metadata as JSON text, `without` are ids that are no answer. Matches begin behind `after`,
    the distance and id of the last of `depth` earlier ones, and end at `max_distance`. `staleness` is how many seconds
    old the state may be that is searched, None for the present one; `as_of` names an earlier one.
    """

    k: int
    recall: float = DEFAULT_RECALL
    ef_search: int = 0
    staleness: float | None = None
    as_of: str | None = None
    filter: str | None = None
    without: Sequence[str] = ()
    after: tuple[float, str] | None = None
    depth: int = 0
    max_distance: float | None = None

    def check_filter(self) -> None:
        """Raise FilterInvalid if the filter is none."""
        if self.filter is not None:
            _parsed(self.filter)

    def of(self, index: Index) -> "tuple[Query, RowMask | None]":
        """Return what this asks of the engine, where `index` is searched.

        Raises:
            FilterInvalid, BlobCorrupt, whatever bringing bytes here may raise
        """
        among = None if self.filter is None else _matching(index, self.filter)
        query = Query(
            self.k,
            recall=self.recall,
            ef_search=self.ef_search,
            filter=self.filter,
            exclude=tuple(self.without),
            after=self.after,
            depth=self.depth,
            max_distance=self.max_distance,
        )
        return query, among


def _parsed(text: str) -> "Filter":
    from vectord.filters import parse  # noqa: PLC0415 most searches have no filter, and cold ones should not pay for it

    return parse.parse(msgspec.json.decode(text))


def _matching(index: Index, text: str) -> "RowMask":
    from vectord.index.query.filtering import matching_rows  # noqa: PLC0415 as above

    return matching_rows(index, _parsed(text))
