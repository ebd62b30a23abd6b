"""The nearest of many centroids, and the second one by SOAR, found from products of few components.

A part of the components orders the centroids nearly as all of them do, if it has most of the variance. So only the
centroids that are among the first by this part are compared by all components.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.kernels.distance import F32
from vectord.index.kernels.products import products

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NO_CENTROID: Final = -1
# Centroids that are compared by all components, at least: with twice as many, searches read as many entries
# (docs/decisions/builds.md).
_NEAREST: Final = 16
_SECOND: Final = 48
_LANES: Final = 8  # values are in groups of 8, each the 8th after the one before; of a group, the least value counts
_GROUPED: Final = _LANES * 8


class SplitCentroids(msgspec.Struct, frozen=True, eq=False):
    """Centroids: few of their components (k, m), the rest of them, and the halves of their squared norms (k,).

    `products` (k, k) are those of each centroid with all others, less the halves of the others; None without a second
    centroid.
    """

    few: F32
    rest: F32
    halves: F32
    products: F32 | None = None


class Penalty(msgspec.Struct, frozen=True):
    """Of the loss of a second centroid: the weight of its residual along the first one's, divided by two.

    A row needs no second centroid if the square of its residual is at most this `share` of the squared norms.
    """

    weight: float
    share: float


_NO_PENALTY: Final = Penalty(0.0, 0.0)


def split(centroids: F32, count: int, table: F32 | None = None) -> SplitCentroids:
    """Return `centroids` (k, dimension) with the first `count` components apart; `table` are their products."""
    few, rest = np.ascontiguousarray(centroids[:, :count]), np.ascontiguousarray(centroids[:, count:])
    return SplitCentroids(few, rest, np.vecdot(centroids, centroids) / 2, table)


def assigned(rows: F32, centroids: SplitCentroids, penalty: Penalty = _NO_PENALTY) -> tuple[Array, F32, Array]:
    """Return for each of `rows` (n, dimension) its nearest centroid, a value of it, and its second centroid or -1.

    The value is half of the squared distance, less half of the row's squared norm.
    """
    few = products(rows[:, : centroids.few.shape[1]], centroids.few)
    rest, squares = rows[:, centroids.few.shape[1] :], np.vecdot(rows, rows)
    if compiled.native is None:
        return _assigned(few, rest, squares, centroids, penalty)
    first, least, second = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32), _none(len(rows))
    compiled.native.assign(
        few,
        rest,
        squares,
        centroids.rest,
        centroids.halves,
        centroids.products,
        _NEAREST,
        _SECOND,
        penalty.weight,
        penalty.share,
        first,
        least,
        second,
    )
    return first, least, second


def _none(count: int) -> Array:
    return np.full(count, NO_CENTROID)


def _assigned(
    few: F32, rest: F32, squares: F32, centroids: SplitCentroids, penalty: Penalty
) -> tuple[Array, F32, Array]:
    own, values = np.arange(len(rest)), centroids.halves - few
    candidates = _among_least(values, _NEAREST)
    values[candidates] = exact = _half_distances(few, rest, centroids, candidates)
    first = _first_of_least(candidates, exact, values.shape)
    least: F32 = values[own, first]
    if centroids.products is None:
        return first, least, _none(len(rest))
    halves = centroids.halves[first]
    residuals = np.maximum(2 * least + squares, 0)
    is_near = residuals <= np.float32(penalty.share) * (squares + 2 * halves)
    constant = (squares + least - halves)[:, None]
    weight = (np.float32(penalty.weight) / np.where(is_near, 1, residuals))[:, None]
    others = centroids.products[first]
    loss = (others + values + constant) ** 2 * weight + values
    loss[own, first] = np.inf
    candidates = _among_least(loss, _SECOND)
    candidates[own, first] = False
    exact = _half_distances(few, rest, centroids, candidates)
    of_row = np.nonzero(candidates)[0]
    exact += (others[candidates] + exact + constant[of_row, 0]) ** 2 * weight[of_row, 0]
    return first, least, np.where(is_near, NO_CENTROID, _first_of_least(candidates, exact, values.shape))


def _among_least(values: F32, wanted: int) -> Mask:
    """Return which of `values` (n, k) are at most the least value of the group at place `wanted`, of groups by it."""
    count, k = values.shape
    padded = np.full((count, -(-k // _GROUPED) * _GROUPED), np.inf, np.float32)
    padded[:, :k] = values
    least = padded.reshape(count, -1, _GROUPED // _LANES, _LANES).min(axis=2).reshape(count, -1)
    place = min(wanted, least.shape[1]) - 1
    limits = np.partition(least, place, axis=1)[:, place]
    largest = np.where(np.isfinite(least), least, -np.inf).max(axis=1)  # a group without values has infinity
    among: Mask = values <= np.minimum(limits, largest)[:, None]
    return among


def _half_distances(few: F32, rest: F32, centroids: SplitCentroids, candidates: Mask) -> F32:
    """Return for each True of `candidates` (n, k) the value of the centroid, from all components."""
    of_row, of_centroid = np.nonzero(candidates)
    values: F32 = centroids.halves[of_centroid] - few[candidates]
    values -= np.vecdot(rest[of_row], centroids.rest[of_centroid])
    return values


def _first_of_least(candidates: Mask, exact: F32, shape: tuple[int, ...]) -> Array:
    values = np.full(shape, np.inf, np.float32)
    values[candidates] = exact
    first: Array = values.argmin(axis=1)
    return first
