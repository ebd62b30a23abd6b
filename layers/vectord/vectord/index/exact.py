"""The exact scan: a float32 sweep over all rows by BLAS, then float64 distances of those that can be in the answer.

The sweep's rounding error has a bound (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: a dot
product of f terms in precision u errs by at most f*u/(1 - f*u) times the product of the norms). Rows within twice the
bound of the k-th are all kept, so the answer is the true one, ties included.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vectord.index import distance as dist
from vectord.index.distance import F32
from vectord.params import Distance

_UNIT = 2.0**-24  # the unit roundoff of float32
# Between these norms no product of two float32 norms over- or underflows, here or inside Annoy.
_LEAST_NORM, _MOST_NORM = 2.0**-30, 2.0**30


@dataclass(frozen=True, slots=True)
class Scale:
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


def candidates(vectors: F32, measured: Scale, query: F32, k: int, distance: Distance) -> npt.NDArray[np.int64]:
    """Return every row that can be among the `k` nearest to `query`: at least those and their ties."""
    if k >= len(vectors) or not (measured.tame and query_is_tame(query, distance)):
        return np.arange(len(vectors))
    sweep, error = _cosine(vectors, measured, query) if distance == "cosine" else _euclidean(vectors, measured, query)
    kth = np.partition(sweep, k - 1)[k - 1]
    return np.flatnonzero(sweep <= kth + 2 * error)


def nearest(distances: dist.F64, k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the `k` smallest distances and of all that tie with the last, in no order."""
    if k >= len(distances):
        return np.arange(len(distances))
    return np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])


def unit(query: F32) -> F32:
    """Return `query` at length 1, which changes no cosine and keeps float32 arithmetic in range."""
    wide = query.astype(np.float64)
    scaled: F32 = (wide / np.sqrt(wide @ wide)).astype(np.float32)
    return scaled


def _cosine(vectors: F32, measured: Scale, query: F32) -> tuple[F32, float]:
    return 1 - (vectors @ unit(query)) / measured.norms, _bound(len(query))


def _euclidean(vectors: F32, measured: Scale, query: F32) -> tuple[F32, float]:
    # |x - q|^2 without the constant |q|^2, which does not change the order.
    sweep = measured.norms * measured.norms - 2 * (vectors @ query)
    reach = measured.most + float(dist.norms(query[None, :])[0])
    return sweep, _bound(len(query)) * reach * reach


def _bound(dimension: int) -> float:
    terms = (dimension + 8) * _UNIT  # 8: the roundings of norms, quotient and difference around the dot product
    return terms / (1 - terms)
