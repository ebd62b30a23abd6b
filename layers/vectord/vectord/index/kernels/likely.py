"""Rows that are likely among the nearest, by their codes alone: their distance may be at most a limit.

An estimate of a distance by a code has a known standard error. A row is likely if its estimate less some standard
errors is at most the limit. So the number of likely rows follows the data: it is small where codes distinguish the
rows, and large where many rows are about as near. It needs no calibration, unlike a fixed number of rows.

Distances are those of `codes.estimated_distances`: squared, less the squared norm of the query's residual. The
standard error of an estimate by the float query is that of Gao and Long's "RaBitQ" (SIGMOD 2024), theorem 3.2. That
of an estimate by two codes is the one of a share of `dimension` independent bits, for the angle that the share implies
(Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002).
"""

import math
from functools import cache
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import codes
from vectord.index.kernels.codes import Floats, RotatedQuery, RowCodes
from vectord.index.kernels.distance import F64
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
U32 = npt.NDArray[np.uint32]

# Standard errors for a target recall up to the first number: of rows of another distribution, whose errors are larger
# than those of text, no search then found more than 0.01 less (docs/decisions/search.md).
_STANDARD_ERRORS: Final = ((0.95, 2.75), (0.98, 3.0), (1.0, 3.5))
# Standard errors for rows of partitions, where the calibration measures what this loses: 0.0005 for text.
STANDARD_ERRORS_OF_PARTITIONS: Final = 2.5
_UNLIKELY: Final = 2  # entries that are selected with the likely ones, so that a row beyond the nearest is found
_COPIES: Final = 2  # entries that a row may have
_LESS_BY_BITS: Final = 0.5  # standard errors; the errors of two codes of one query are not independent
_FINITE: Final = float(np.finfo(np.float32).max)
_MANY: Final = 8  # times k: with more rows, their own k-th estimate is a better limit than that of other rows


class Target(msgspec.Struct, frozen=True):
    """What a search asks for: the `k` nearest rows with a `recall`, and none that is certainly beyond `limit`."""

    k: int
    recall: float
    limit: float = math.inf

    @property
    def standard_errors(self) -> float:
        """How many standard errors below its estimate the distance of a row may be."""
        return next((count for recall, count in _STANDARD_ERRORS if self.recall <= recall), _STANDARD_ERRORS[-1][1])


class Estimates(msgspec.Struct, frozen=True, eq=False):
    """The estimated distance of each row, and the standard error of each estimate; both (n,)."""

    values: F64
    errors: F64


def limit_of(distance_value: float, query: RotatedQuery, distance: Distance) -> float:
    """Return a distance between vectors in the scale of the estimates."""
    squared = 2 * distance_value if distance == "cosine" else distance_value**2
    return squared - float(query.residual @ query.residual)


def distances_of(values: F64, query: RotatedQuery, distance: Distance) -> F64:
    """Return estimates as distances between vectors: the reverse of `limit_of`, at least 0."""
    squared = (values + float(query.residual @ query.residual)).clip(0)
    return squared / 2 if distance == "cosine" else np.sqrt(squared)


def kth_smallest(values: npt.NDArray[np.floating], k: int) -> float:
    """Return the `k`-th smallest value; infinity if there are fewer."""
    return float(np.partition(values, k - 1)[k - 1]) if k <= len(values) else math.inf


def kth_of_surest(values: F64, upper: F64, k: int) -> float:
    """Return the largest estimate of the `k` rows with the smallest upper bounds; infinity if there are fewer rows.

    Where standard errors differ, the smallest estimates are those of rows with large errors. The limit would then
    exclude the nearest rows, if their errors are small.
    """
    return float(values[np.argpartition(upper, k - 1)[:k]].max()) if k <= len(values) else math.inf


def estimates(rows: RowCodes, query: RotatedQuery) -> Estimates:
    """Estimate the distances from the float query to the rows."""
    values = codes.estimated_distances(rows.planes, rows.norms, rows.factors, query)
    return Estimates(values, standard_errors(rows.norms, rows.factors, query))


def standard_errors(norms: Floats, factors: Floats, query: RotatedQuery) -> F64:
    """Return the standard errors of the estimates for codes with these norms and factors, both (n,)."""
    squares = np.square(factors, dtype=np.float64)
    spread = np.sqrt((1 / squares - 1).clip(0) / max(1, len(query.residual) - 1))
    errors: F64 = (spread * norms * (2 * _length(query))).astype(np.float64, copy=False)
    return errors


def smallest_of_rows(rows: U32, values: F64, count: int) -> F64:
    """Return the `count` smallest values of distinct rows, ascending; a row may occur twice, with the same value."""
    nearest = np.argsort(values, kind="stable")[: 2 * count]
    of_row = dict(zip(rows[nearest].tolist(), values[nearest].tolist(), strict=True))
    return np.array(sorted(of_row.values())[:count])


def corrected(found: Estimates, smallest: F64) -> F64:
    """Return the estimates, raised so that as many of them are below a limit as distances: float64 (n,).

    There are more far rows than near ones, so more of them seem too near than too far. If the number of rows up to a
    distance grows as exp(growth * distance), the number of estimates is exp((growth * error)**2 / 2) times as large,
    as if each were growth * error**2 / 2 too small. The growth is that between the first quarter of `smallest`, the
    smallest estimates of distinct rows in ascending order, and all of them. After Eddington, "On a formula for
    correcting statistics for the effects of a known probable error of observation" (MNRAS 73, 1913).
    """
    quarter = len(smallest) // 4
    span = float(smallest[-1] - smallest[quarter - 1]) if quarter else 0.0
    if span <= 0:
        return found.values
    growth = math.log(len(smallest) / quarter) / span
    return found.values + np.minimum(growth * found.errors**2 / 2, found.errors)


def entries_of_nearest(found: Estimates, eligible: Array, kth: float, errors: float) -> Array:
    """Return the places in `eligible` of entries that are likely at most as far as `kth`, and the next by estimate.

    An entry is likely if its estimate less `errors` standard errors is at most `kth`.
    """
    values = found.values[eligible]
    likely = values - errors * found.errors[eligible] <= kth
    unlikely = np.flatnonzero(~likely)
    if len(unlikely) > _UNLIKELY:
        unlikely = unlikely[np.argpartition(values[unlikely], _UNLIKELY)[:_UNLIKELY]]
    likely[unlikely] = True
    return np.flatnonzero(likely)


def nearest_rows(estimates: F64, rows: U32, count: int) -> Array:
    """Return the `count` distinct rows of the smallest values, in their order; a row may occur `_COPIES` times."""
    places = np.argpartition(estimates, _COPIES * count)[: _COPIES * count] if _COPIES * count < len(rows) else ...
    estimates, rows = estimates[places], rows[places]
    ordered = rows[np.argsort(estimates, kind="stable")].tolist()
    return np.array(list(dict.fromkeys(ordered))[:count], np.int64)


def by_estimates(found: Estimates, target: Target) -> Array:
    """Return the rows whose distance may be at most the limit of the target, ascending."""
    return np.flatnonzero(found.values - target.standard_errors * found.errors <= target.limit)


def by_bits(rows: RowCodes, query: RotatedQuery, target: Target, hidden: Mask | None = None) -> Array:
    """Return the rows whose distance may be at most the limit of the target, by the bits that differ, ascending.

    If they are many, the limit is also that of `kth_of_surest`. Rows that `hidden` (n,) has as True are left out.
    It takes a fifth of the time of `estimates`, and returns more rows.
    """
    norms, differing = rows.norms, codes.hamming_distances(rows.planes.copy(), query)
    cosines, errors = _cosines(len(query.residual))
    doubled, spread = 2 * _length(query), target.standard_errors - _LESS_BY_BITS
    least = norms * (norms - (doubled * (cosines + spread * errors)).astype(np.float32)[differing])
    if hidden is not None:
        least[hidden] = np.inf
    likely = np.flatnonzero(least <= min(target.limit, _FINITE))
    if len(likely) <= _MANY * target.k:
        return likely
    lower = least[likely]
    values = norms[likely] * (norms[likely] - (doubled * cosines).astype(np.float32)[differing[likely]])
    return likely[lower <= kth_of_surest(values, 2 * values - lower, target.k)]


def _length(query: RotatedQuery) -> float:
    return math.sqrt(float(query.residual @ query.residual))


@cache
def _cosines(dimension: int) -> tuple[F64, F64]:
    """Return the cosine of the angle that each number of differing bits implies, and its standard error."""
    cosines = np.cos(np.pi * np.arange(dimension + 1) / dimension)
    # With one more bit of each kind: that no bit differs says less than that the angle is zero.
    share = (np.arange(dimension + 1) + 1) / (dimension + 2)
    return cosines, np.pi * np.sin(np.pi * share) * np.sqrt(share * (1 - share) / dimension)
