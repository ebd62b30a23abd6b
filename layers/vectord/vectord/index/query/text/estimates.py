"""Estimate the distances of a list of rows by codes, where their vectors were not read."""

from typing import Final

import msgspec
import numpy as np

from vectord.index.kernels import likely
from vectord.index.kernels.codes import RotatedQuery
from vectord.index.kernels.distance import F64, distances
from vectord.index.kernels.likely import Estimates
from vectord.index.query import tail_candidates, tail_codes
from vectord.index.query.matches import Selected
from vectord.index.query.planner import SearchPlan
from vectord.index.query.query import Query
from vectord.index.query.text.fusion import COMPLETE
from vectord.index.rows import Array, Mask, RowMask
from vectord.index.sections.base import are_present
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Index
from vectord.lhv1.params import Distance

_ERRORS: Final = 2  # standard errors below its estimate that a distance may be
_REACH: Final = 4  # times the partitions that a search probes: rows of these may be in a list of more rows
_COPIES: Final = 2  # entries that a row may have
_MEASURED: Final = 100  # rows of the lists whose shares a build measures
_LEAST_SHARE: Final = 0.5


class Unread(msgspec.Struct, frozen=True, eq=False):
    """Partitions near a query whose codes were not read: True in `partitions`, bool (partitions,).

    `first_rows` has the first row of each partition, and the number of rows: int64 (partitions + 1,). `share` is that
    of the rows of a list that are in the other partitions, as the build measured it for lists of 100.
    """

    partitions: Mask
    first_rows: Array
    share: float

    @property
    def spacing(self) -> float:
        """By how much a rank in the list of the rows that were found grows in the whole list, after the first ranks."""
        return (_MEASURED - COMPLETE) / (self.share * _MEASURED - COMPLETE)

    def has(self, rows: Array) -> Mask:
        """Return which of `rows` are in these partitions."""
        in_base = rows < self.first_rows[-1]
        found = np.searchsorted(self.first_rows, np.where(in_base, rows, 0), "right") - 1
        which: Mask = in_base & self.partitions[found]
        return which


class Listed(msgspec.Struct, frozen=True, eq=False):
    """Distinct rows, unordered, int64 (n,), their distances, and the least distances that they may have.

    A distance is an estimate where `exact` is False.
    """

    rows: Array
    distances: F64
    least: F64
    exact: Mask

    @property
    def known(self) -> Array:
        """The rows whose distances are exact."""
        return self.rows[self.exact]

    def joined(self, other: "Listed") -> "Listed":
        """Return the rows of both."""
        return Listed(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.distances, other.distances]),
            np.concatenate([self.least, other.least]),
            np.concatenate([self.exact, other.exact]),
        )

    def those(self, which: Mask) -> "Listed":
        """Return the rows that are True in `which`."""
        return Listed(self.rows[which], self.distances[which], self.least[which], self.exact[which])

    def with_exact(self, rows: Array, found: F64) -> "Listed":
        """Return the list with the exact distances `found` of `rows`; those that it does not have are added."""
        return self.those(~np.isin(self.rows, rows)).joined(exactly(rows, found))


def exactly(rows: Array, found: F64) -> Listed:
    """Return rows with their exact distances."""
    return Listed(rows, found, found, np.ones(len(rows), np.bool_))


def listed(index: Index, mask: RowMask, query: Query, found: Selected, plan: SearchPlan) -> tuple[Listed, Unread]:
    """Return the rows that may be in the list by vector of a hybrid search, and the partitions that were not read.

    `found` are the nearest rows, which a search over partitions by ranges has found by `plan`. Nothing is fetched: the
    distance of a row is exact if its vector was read.

    Raises:
        BlobCorrupt: a section does not match its checksum, or contradicts itself.
    """
    base, count = index.base, query.fusion.candidates
    if base is None or base.parts is None:
        raise AssertionError("a plan over partitions needs an index that has some")
    parts = base.parts
    rotated = parts.query(query.vectors[0])
    ranked = parts.rank(rotated, _REACH * plan.probes)
    is_read = are_present(parts.section, parts.code_starts[ranked], np.diff(parts.code_starts)[ranked])
    rows = _of_base(parts, mask, rotated, ranked[is_read], count)
    rows = _with_vectors_read(index, base, query, rows)
    if mask.tail_count:
        rows = rows.joined(_of_tail(index, mask, query, plan))
    rows = rows.with_exact(found.rows, found.keys)
    rows = rows.those(rows.least <= likely.kth_smallest(rows.distances, count))
    unread = np.zeros(parts.shape.partitions, np.bool_)
    unread[ranked[~is_read]] = True
    share = max((point.recall_100 for point in parts.shape.cold if point.probes <= plan.probes), default=1.0)
    return rows, Unread(unread, parts.first_rows, max(share, _LEAST_SHARE))


def _of_base(parts: Parts, mask: RowMask, rotated: RotatedQuery, partitions: Array, count: int) -> Listed:
    """Return the rows of `partitions` that may be among the `count` nearest, by their codes."""
    if not len(partitions):
        return exactly(np.empty(0, np.int64), np.empty(0))
    entries, of_entries = parts.estimates(rotated, partitions)
    visible = np.flatnonzero(mask.base[entries])
    rows, found = entries[visible], Estimates(of_entries.values[visible], of_entries.errors[visible])
    limit = likely.kth_smallest(found.values, _COPIES * count)
    near = np.flatnonzero(found.values - _ERRORS * found.errors <= limit)
    place_of = dict(zip(rows[near].tolist(), near.tolist(), strict=True))  # one of the entries of each row
    places = np.array(list(place_of.values()), np.int64)
    distinct = Estimates(found.values[places], found.errors[places])
    return _by_estimates(np.array(list(place_of), np.int64), distinct, count, rotated, parts.distance)


def _of_tail(index: Index, mask: RowMask, query: Query, plan: SearchPlan) -> Listed:
    """Return the rows of the tail: by their codes if the search compared them, otherwise the nearest ones."""
    opened = tail_codes.opened(index) if plan.tail_codes else None
    if opened is None:
        [nearest] = tail_candidates.by_scan(index, mask, query.vectors, query.fusion.candidates)
        return exactly(nearest.rows, nearest.distances)
    rotated, found = opened.query(query.vectors[0]), likely.estimates(opened.codes, opened.query(query.vectors[0]))
    visible = np.flatnonzero(mask.tail[opened.rows])
    of_visible = Estimates(found.values[visible], found.errors[visible])
    rows = opened.rows[visible] + index.tail.first
    by_codes = _by_estimates(rows, of_visible, query.fusion.candidates, rotated, opened.distance)
    others = opened.others[mask.tail[opened.others]] + index.tail.first  # the search has read their vectors
    return by_codes.with_exact(others, exact_distances(index, query, others))


def _by_estimates(rows: Array, found: Estimates, count: int, rotated: RotatedQuery, distance: Distance) -> Listed:
    """Return distinct rows with their estimates, corrected for a list of the `count` nearest."""
    smallest = np.sort(np.partition(found.values, count - 1)[:count]) if count < len(rows) else np.sort(found.values)
    values = likely.corrected(found, smallest)
    estimated, least = (
        likely.distances_of(each, rotated, distance) for each in (values, values - _ERRORS * found.errors)
    )
    return Listed(rows, estimated, least, np.zeros(len(rows), np.bool_))


def _with_vectors_read(index: Index, base: Base, query: Query, rows: Listed) -> Listed:
    """Return the rows of the base with the exact distances of those whose vectors were read."""
    size = base.graph.layout.node_size
    read = rows.rows[are_present(base.graph.section, rows.rows * size, size)]
    return rows.with_exact(read, exact_distances(index, query, read))


def exact_distances(index: Index, query: Query, rows: Array) -> F64:
    """Return the distances of `rows`, whose vectors are fetched if they are missing."""
    return distances(index.vectors_of(rows.tolist()), None, query.vectors[0], index.params.distance)
