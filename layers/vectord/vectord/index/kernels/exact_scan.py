"""The exact scan: a float32 sweep over all rows by BLAS, then float64 distances of those that can be in the answer.

The sweep's rounding error has a bound (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: a dot
product of f terms in precision u errs by at most f*u/(1 - f*u) times the product of the norms). Rows within twice the
bound of the k-th are all kept, so the answer is the true one, ties included.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]

_NOBODY: Array = np.empty(0, np.int64)
_QUERIES = 16  # at a time: their products with a million rows take 64 MB
_UNIT = 2.0**-24  # the unit roundoff of float32
# Between these norms no product of two float32 norms over- or underflows, here or inside Annoy.
_LEAST_NORM, _MOST_NORM = 2.0**-30, 2.0**30


class Scale(msgspec.Struct, frozen=True):
    """The norms of the rows, and whether float32 arithmetic can be trusted with them."""

    norms: F32
    most: float
    tame: bool


def scale(vectors: F32, distance: Distance) -> Scale:
    """Measure the rows once; a search then needs one pass less."""
    norms = dist.norms(vectors)
    least, most = float(norms.min(initial=np.inf)), float(norms.max(initial=0.0))
    tame = most <= _MOST_NORM and (distance == "euclidean" or least >= _LEAST_NORM)
    with np.errstate(over="ignore", under="ignore"):
        return Scale(norms.astype(np.float32), most, tame)


def query_is_tame(query: F32, distance: Distance) -> bool:
    """Tell whether a sweep for `query` stays inside float32; a cosine query is scaled first, so it always does."""
    return distance == "cosine" or float(dist.norms(query[None, :])[0]) <= _MOST_NORM


def candidates(
    vectors: F32, measured: Scale, query: F32, k: int, distance: Distance, *, gone: Array = _NOBODY
) -> Array:
    """Return every row that can be among the `k` nearest to `query`: at least those and their ties; none of `gone`."""
    if k >= len(vectors) - len(gone) or not (measured.tame and query_is_tame(query, distance)):
        return np.setdiff1d(np.arange(len(vectors)), gone, assume_unique=True)
    sweep, error = _sweep(vectors, measured, query, distance)
    sweep[gone] = np.inf
    return _within(sweep, k, error)


def candidates_of_many(
    vectors: F32, measured: Scale, queries: Sequence[F32], k: int, distance: Distance, *, gone: Array = _NOBODY
) -> list[Array]:
    """Return what `candidates` does for each of `queries`, by matrix products."""
    few = k >= len(vectors) - len(gone) or not measured.tame
    if len(queries) == 1 or few or not all(query_is_tame(query, distance) for query in queries):
        return [candidates(vectors, measured, query, k, distance, gone=gone) for query in queries]
    found = []
    for start in range(0, len(queries), _QUERIES):
        some = queries[start : start + _QUERIES]
        targets = np.array([unit(query) if distance == "cosine" else query for query in some], np.float32)
        for query, products in zip(some, targets @ vectors.T, strict=True):
            sweep, error = _ranked(products, measured, query, distance)
            sweep[gone] = np.inf
            found.append(_within(sweep, k, error))
    return found


def narrowed(taken: F32, query: F32, k: int, distance: Distance) -> Array:
    """Return the positions of those of a few vectors that can be among the `k` nearest to `query`, all of them tame."""
    if k >= len(taken):
        return np.arange(len(taken))
    norms: F32 = np.sqrt(np.vecdot(taken, taken))
    measured = Scale(norms, float(norms.max()), tame=True)
    sweep, error = _sweep(taken, measured, query, distance)
    return _within(sweep, k, 2 * error)  # norms in float32 err as much again as the products


def nearest(distances: dist.F64, k: int) -> Array:
    """Return the positions of the `k` smallest distances and of all that tie with the last, in no order."""
    if k >= len(distances):
        return np.arange(len(distances))
    return np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])


def unit(query: F32) -> F32:
    """Return `query` at length 1, which changes no cosine and keeps float32 arithmetic in range."""
    wide = query.astype(np.float64)
    scaled: F32 = (wide / np.sqrt(wide @ wide)).astype(np.float32)
    return scaled


def _sweep(vectors: F32, measured: Scale, query: F32, distance: Distance) -> tuple[F32, float]:
    target = unit(query) if distance == "cosine" else query
    return _ranked(vectors @ target, measured, query, distance)


def _ranked(products: F32, measured: Scale, query: F32, distance: Distance) -> tuple[F32, float]:
    """Return what orders the rows as their distances do, up to an error that is bounded, and the bound."""
    if distance == "cosine":
        return 1 - products / measured.norms, _bound(len(query))
    # |x - q|^2 without the constant |q|^2, which does not change the order.
    sweep = measured.norms * measured.norms - 2 * products
    reach = measured.most + float(dist.norms(query[None, :])[0])
    return sweep, _bound(len(query)) * reach * reach


def _within(sweep: F32, k: int, error: float) -> Array:
    kth = np.partition(sweep, k - 1)[k - 1]
    return np.flatnonzero(sweep <= kth + 2 * error)


def _bound(dimension: int) -> float:
    terms = (dimension + 8) * _UNIT  # 8: the roundings of norms, quotient and difference around the dot product
    return terms / (1 - terms)
