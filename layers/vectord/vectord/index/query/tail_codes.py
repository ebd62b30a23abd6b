"""The codes of the tail about one mean, and the rows of the tail that they make likely to be among the nearest.

docs/decisions/search.md has the measurements behind the constants.
"""

from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import codes, exact_scan, likely
from vectord.index.kernels.codes import RotatedQuery, RowCodes
from vectord.index.kernels.distance import F32, F64
from vectord.index.kernels.likely import Target
from vectord.index.query import rounds
from vectord.index.query.query import Query
from vectord.index.rows import Mask
from vectord.index.state import Index, Tail
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]

# Components of the vectors of a tail. The exact scan of a smaller one takes as long as the comparison of its codes.
_MIN_COMPONENTS: Final = 1 << 20
_MIN_ROWS_PER_MATCH: Final = 128  # in memory; with fewer, too many rows are likely
_OPENED: Final[WeakKeyDictionary[Tail, "TailCodes | None"]] = WeakKeyDictionary()


class TailCodes(msgspec.Struct, frozen=True, eq=False):
    """The codes of `rows`, all about `mean`; `others` have none that can be compared. Rows are those of the tail."""

    rows: Array
    others: Array
    codes: RowCodes
    mean: F32
    distance: Distance

    def query(self, vector: F32) -> RotatedQuery:
        return codes.rotated_query(vector, self.mean, self.distance)

    def by_bits(self, query: RotatedQuery, target: Target, visible: Mask) -> Array:
        """Return the visible rows of the tail that are likely, by the bits that differ, and all without codes."""
        hidden = None if visible.all() else ~visible[self.rows]
        return self._with_others(likely.by_bits(self.codes, query, target, hidden), visible)

    def by_estimates(self, query: RotatedQuery, target: Target, visible: Mask, nearest: F64) -> Array:
        """Return the visible rows of the tail that are likely, by estimates, and all without codes.

        The limit is that of the estimates of visible rows and of `nearest`, those of other rows without their errors.
        """
        found = likely.estimates(self.codes, query)
        is_visible = visible[self.rows]
        values, errors = found.values[is_visible], found.errors[is_visible]
        upper = values + target.standard_errors * errors
        limit = likely.kth_of_surest(np.concatenate([nearest, values]), np.concatenate([nearest, upper]), target.k)
        rows = likely.by_estimates(found, Target(target.k, target.recall, min(limit, target.limit)))
        return self._with_others(rows[is_visible[rows]], visible)

    def _with_others(self, positions: Array, visible: Mask) -> Array:
        rows = self.rows[positions]
        return np.sort(np.concatenate([rows, self.others[visible[self.others]]])) if len(self.others) else rows


def are_useful(index: Index, query: Query, *, by_ranges: bool) -> bool:
    """Return True if a search over the codes of the tail takes less time than a scan, and reaches the target recall."""
    tail = index.tail
    if not tail.pieces or query.recall >= 1 or query.ef_search > 0 or query.after is not None:
        return False
    if not by_ranges and len(tail) < query.k * _MIN_ROWS_PER_MATCH:
        return False
    distance, dimension = index.params.distance, index.params.dimension
    is_long = rounds.reads_codes_of_tail if by_ranges else _is_long
    return is_long(len(tail), dimension) and all(
        exact_scan.query_is_float32_safe(vector, distance) for vector in query.vectors
    )


def _is_long(rows: int, dimension: int) -> bool:
    return rows * dimension >= _MIN_COMPONENTS


def opened(index: Index) -> TailCodes | None:
    """Return the codes of the tail, None if most of its rows have none; the heads of its pieces must be fetched.

    Raises:
        BlobCorrupt: the head of a piece does not match its checksum, or a value in it is out of range.
    """
    tail = index.tail
    if tail not in _OPENED:
        _OPENED[tail] = _open(index)
    return _OPENED[tail]


def _open(index: Index) -> TailCodes | None:
    tail, parts = index.tail, index.base.parts if index.base else None
    mean = parts.stored_mean if parts else next((piece.mean for piece in reversed(tail.pieces) if piece.codes), None)
    if mean is None:
        return None
    has_codes = np.zeros(len(tail), np.bool_)
    found: list[RowCodes] = []
    for start, piece in zip(tail.starts, tail.pieces, strict=False):
        of_piece = piece.codes_about(mean)
        if of_piece is not None:
            found.append(of_piece)
            has_codes[start : start + piece.rows] = True
    rows = np.flatnonzero(has_codes)
    if 2 * len(rows) < len(tail):
        return None
    return TailCodes(rows, np.flatnonzero(~has_codes), codes.joined(found), mean, index.params.distance)
