"""The list by vector of a hybrid search: with exact distances, or with estimates where vectors were not read.

A list has many more rows than a search has matches, and few of its rows are matches. A search that reads ranges
therefore reads the vectors of the nearest rows alone. The other rows have estimates by their codes, until `choice.py`
has chosen those that may be matches.
"""

from typing import Final, Protocol

import msgspec
import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.index.kernels.likely import STANDARD_ERRORS_OF_PARTITIONS
from vectord.index.query import search as by_vector
from vectord.index.query.efforts import DEFAULT_RECALL, K
from vectord.index.query.matches import Selected
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import Query
from vectord.index.query.text import estimates, fusion
from vectord.index.query.text.estimates import Listed, Unread, exactly
from vectord.index.rows import Array, RowMask
from vectord.index.state import Index

NO_ROWS: Final[Array] = np.empty(0, np.int64)
_ERRORS: Final = 1.25  # standard errors; few rows that are nearer are left out, and they keep their estimates
_CANDIDATES_PER_MATCH: Final = 4  # with fewer, too many rows of the list may be matches


class Nearest(msgspec.Struct, frozen=True, eq=False):
    """The rows that the list starts with, the plan that found them, and what an `Answer` says about that.

    `unread` is None if all distances are exact.
    """

    listed: Listed
    plan: SearchPlan = EXACT
    examined: int = 0
    partitions: int = 0
    entries: int = 0
    unread: Unread | None = None

    @property
    def is_estimated(self) -> bool:
        return self.unread is not None

    @property
    def spacing(self) -> float:
        """How ranks in the list count (`fusion.counted_ranks`)."""
        return 1.0 if self.unread is None else self.unread.spacing

    def with_exact(self, index: Index, query: Query, rows: Array) -> Listed:
        """Return the list with the exact distances of `rows`; those that it does not have are added."""
        rows = rows[~np.isin(rows, self.listed.known)]
        return self.listed.with_exact(rows, estimates.exact_distances(index, query, rows))


class FindNearest(Protocol):
    """Finds the list by vector of a hybrid search: `nearest` or `estimated`."""

    def __call__(
        self, index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool
    ) -> Nearest: ...


def nearest(index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool) -> Nearest:
    """Return the list of `query.fusion.candidates` rows with exact distances; raise what `estimated` raises."""
    if not mask.count:
        return Nearest(exactly(NO_ROWS, np.empty(0)))
    found, plan = _found(index, mask, query, query.fusion.candidates, check, read_ahead=read_ahead)
    return Nearest(exactly(found.rows, found.keys), plan, found.examined, found.partitions, found.entries)


def estimated(index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool) -> Nearest:
    """Return the list, with estimates if a search for the nearest rows alone reads ranges of partitions.

    Raises:
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    base = index.base
    if index.fetch.is_local:  # to read vectors costs nothing
        return nearest(index, mask, query, check, read_ahead=read_ahead)
    if base is None or base.parts is None or base.graph.section.whole or not mask.base_count:
        return nearest(index, mask, query, check, read_ahead=read_ahead)
    found, plan = _found(index, mask, query, min(query.k, K), check, read_ahead=read_ahead, errors=_ERRORS)
    if plan.fetch != "ranges" or plan.strategy != "partitions":
        return nearest(index, mask, query, check, read_ahead=read_ahead)  # of what is in memory now
    listed, unread = estimates.listed(index, mask, query, found, plan)
    return Nearest(listed, plan, found.examined, found.partitions, found.entries, unread)


def may_be_estimated(query: Query) -> bool:
    """Return True if few rows of the list can be matches, and the answer depends on no other one.

    An explanation has ranks, a bound of distances or relevances concerns all rows, and a further page is exact, so that
    it has the matches which the first one missed. So is the list of a search with a higher recall than the default.
    """
    is_bounded = query.max_distance is not None or bool(fusion.bounds(query))
    is_exact = query.explain or query.after is not None or query.recall > DEFAULT_RECALL or query.ef_search > 0
    return not is_bounded and not is_exact and query.k * _CANDIDATES_PER_MATCH <= query.fusion.candidates


def _found(
    index: Index,
    mask: RowMask,
    query: Query,
    count: int,
    check: DeadlineCheck,
    *,
    read_ahead: bool,
    errors: float = STANDARD_ERRORS_OF_PARTITIONS,
) -> tuple[Selected, SearchPlan]:
    """Return the `count` nearest rows, and the plan that found them; without their documents."""
    wanted = structs.replace(query, k=count, after=None, seen=frozenset(), paged=True)
    [found], plan = by_vector.nearest(index, mask, wanted, check, read_ahead=read_ahead, documents=False, errors=errors)
    return found, plan
