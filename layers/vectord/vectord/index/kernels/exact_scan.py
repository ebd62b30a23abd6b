"""The exact scan: a float32 pass over all rows by BLAS, then float64 distances of the rows that can be in the answer.

The rounding error of the float32 pass has a bound (Higham, Accuracy and Stability of Numerical Algorithms, section
3.1: a dot product of f terms in precision u errs by at most f*u/(1 - f*u) times the product of the norms). Every row
within twice the bound of the k-th is returned, so the k nearest are among them, ties included.

A `sweep` is an array with one float32 per row that orders the rows as their distances do, up to a bounded error.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32, normalized
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]

_NO_ROWS: Final[Array] = np.empty(0, np.int64)
_QUERIES_PER_PRODUCT: Final = 16  # their products with a million rows take 64 MB
_UNIT_ROUNDOFF: Final = 2.0**-24  # of float32
# Between these norms no product of two float32 norms over- or underflows, in this module or inside Annoy.
_MIN_NORM, _MAX_NORM = 2.0**-30, 2.0**30


class RowNorms(msgspec.Struct, frozen=True):
    """The L2 norms of rows, the largest of them, and whether float32 arithmetic on the rows stays in range."""

    norms: F32
    largest: float
    float32_safe: bool


def measure_norms(vectors: F32, distance: Distance) -> RowNorms:
    """Compute the norms of all rows once, which saves each scan one pass."""
    norms = dist.norms(vectors)
    smallest, largest = float(norms.min(initial=np.inf)), float(norms.max(initial=0.0))
    with np.errstate(over="ignore", under="ignore"):
        return RowNorms(norms.astype(np.float32), largest, _is_safe(smallest, largest, distance))


def query_is_float32_safe(query: F32, distance: Distance) -> bool:
    """Return True if a sweep for `query` does not overflow float32; a cosine query is normalized and never does."""
    return distance == "cosine" or float(dist.norms(query[None, :])[0]) <= _MAX_NORM


def scan(
    vectors: F32,
    norms: RowNorms,
    queries: Sequence[F32],
    k: int,
    distance: Distance,
    *,
    hidden: Array = _NO_ROWS,
    at_least: float | None = None,
) -> list[Array]:
    """Return for each query every row that can be among its `k` nearest, without the rows in `hidden`.

    These are at least the k nearest and their ties; all rows if rows or queries are not float32-safe. With `at_least`
    they are the k nearest of the rows beyond that distance, and in addition all rows that may be at that distance.
    """
    if k >= len(vectors) - len(hidden) or not norms.float32_safe:
        return [_all_but(hidden, len(vectors)) for _ in queries]
    if len(queries) == 1 or not all(query_is_float32_safe(query, distance) for query in queries):
        return [_scan_one(vectors, norms, query, k, distance, hidden=hidden, at_least=at_least) for query in queries]
    rows_of_queries = []
    for start in range(0, len(queries), _QUERIES_PER_PRODUCT):
        group = queries[start : start + _QUERIES_PER_PRODUCT]
        targets = np.array([normalized(query) if distance == "cosine" else query for query in group], np.float32)
        for query, products in zip(group, targets @ vectors.T, strict=True):
            sweep, error = _sweep_of_products(products, norms, query, distance)
            sweep[hidden] = np.inf
            least = _least_sweep(norms, query, distance, at_least)
            rows_of_queries.append(_rows_within(sweep, k, error, least))
    return rows_of_queries


def prune(
    vectors: F32,
    query: F32,
    k: int,
    distance: Distance,
    *,
    norms: RowNorms | None = None,
    target: F32 | None = None,
    at_least: float | None = None,
) -> Array:
    """Return the positions of those of a few vectors that can be among the `k` nearest to a float32-safe `query`.

    `norms` are those of the vectors as `float32_norms` returns them, and `target` is the query, of length 1 under
    cosine, if they are known. `at_least` has the same meaning as for `scan`.
    """
    if k >= len(vectors):
        return np.arange(len(vectors))
    if norms is None:
        norms = row_norms(float32_norms(vectors), distance)
    if not norms.float32_safe:
        return np.arange(len(vectors))
    if target is None:
        target = normalized(query) if distance == "cosine" else query
    sweep, error = _sweep_of_products(vectors @ target, norms, query, distance)
    least = _least_sweep(norms, query, distance, at_least)
    return _rows_within(sweep, k, 2 * error, least)  # the error of float32 norms is as large as that of the products


def float32_norms(vectors: F32) -> F32:
    """Return the L2 norm of each row, as float32 arithmetic computes it."""
    with np.errstate(over="ignore", under="ignore"):
        norms: F32 = np.sqrt(np.vecdot(vectors, vectors))
    return norms


def row_norms(norms: F32, distance: Distance) -> RowNorms:
    """Return the norms (at least one) with their largest and whether they are safe; they are not if one is NaN."""
    smallest, largest = float(np.minimum.reduce(norms)), float(np.maximum.reduce(norms))
    return RowNorms(norms, largest, _is_safe(smallest, largest, distance))


def smallest_with_ties(distances: dist.F64, k: int) -> Array:
    """Return the positions of the `k` smallest distances and of all that tie with the k-th, unordered."""
    if k >= len(distances):
        return np.arange(len(distances))
    return np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])


def _is_safe(smallest: float, largest: float, distance: Distance) -> bool:
    """Return True if float32 arithmetic on rows with norms in this range stays in range."""
    return largest <= _MAX_NORM and (distance == "euclidean" or smallest >= _MIN_NORM)


def _scan_one(
    vectors: F32, norms: RowNorms, query: F32, k: int, distance: Distance, *, hidden: Array, at_least: float | None
) -> Array:
    if not query_is_float32_safe(query, distance):
        return _all_but(hidden, len(vectors))
    sweep, error = _sweep(vectors, norms, query, distance)
    sweep[hidden] = np.inf
    return _rows_within(sweep, k, error, _least_sweep(norms, query, distance, at_least))


def _all_but(hidden: Array, rows: int) -> Array:
    return np.setdiff1d(np.arange(rows), hidden, assume_unique=True)


def _sweep(vectors: F32, norms: RowNorms, query: F32, distance: Distance) -> tuple[F32, float]:
    target = normalized(query) if distance == "cosine" else query
    return _sweep_of_products(vectors @ target, norms, query, distance)


def _sweep_of_products(products: F32, norms: RowNorms, query: F32, distance: Distance) -> tuple[F32, float]:
    """Return the sweep of the rows whose dot products with the query are given, and the bound of its error."""
    if distance == "cosine":
        return 1 - products / norms.norms, _relative_error(len(query))
    # |x - q|^2 without the constant |q|^2, which does not change the order.
    sweep = norms.norms * norms.norms - 2 * products
    scale = norms.largest + float(dist.norms(query[None, :])[0])
    return sweep, _relative_error(len(query)) * scale * scale


def _least_sweep(norms: RowNorms, query: F32, distance: Distance, at_least: float | None) -> float | None:
    """Return the value in a sweep of a row at the distance `at_least`, None for None."""
    if at_least is None:
        return None
    if distance == "cosine":
        return min(at_least, 3.0)  # beyond every row, and within float32
    length = float(dist.norms(query[None, :])[0])
    return float(min(at_least, 2 * (norms.largest + length)) ** 2 - length**2)


def _rows_within(sweep: F32, k: int, error: float, least: float | None) -> Array:
    """Return the rows that are not certainly farther than the k-th of the rows that are certainly beyond `least`.

    The rows that may be at `least` are among them, those that are certainly nearer are not. A hidden row is infinite.
    """
    if least is None:
        ordered = sweep.copy()
        ordered.partition(k - 1)
        near: Array = (sweep <= ordered[k - 1] + 2 * error).nonzero()[0]
        return near
    # Twice the error, because the bounds themselves are rounded to float32.
    beyond = sweep[(sweep > least + 2 * error) & (sweep < np.inf)]
    farthest = np.partition(beyond, k - 1)[k - 1] + 2 * error if k < len(beyond) else np.finfo(np.float32).max
    return np.flatnonzero((sweep >= least - 2 * error) & (sweep <= farthest))


def _relative_error(dimension: int) -> float:
    terms = (dimension + 8) * _UNIT_ROUNDOFF  # 8: the roundings of norms, quotient and difference around the product
    return terms / (1 - terms)
