"""The rows that are truly nearest to many queries at once, by which a build measures what its searches find."""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import Scale
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]

_BLOCK: Final = 4_096  # rows at a time: a processor's cache holds their products with some 100 queries


def nearest_of_many(vectors: F32, measured: Scale, queries: F32, k: int, distance: Distance) -> list[Array]:
    """Return for each of `queries` (q, dimension) the rows as near as its k-th, ties included, in ascending order.

    Rows and queries are tame, and k is at most 4,096 and the number of rows. Each block of rows is multiplied with all
    queries at once, and what is farther than the k-th row of a sample is not looked at again.
    """
    targets = np.array([exact_scan.unit(query) for query in queries]) if distance == "cosine" else queries
    slack = _slack(measured, queries, distance)
    sample = slice(None, None, max(1, len(vectors) // _BLOCK))
    limits = _kth(_sweep(vectors, measured.norms, sample, targets, distance), k) + slack
    rows, seen = list[list[Array]]([[] for _ in queries]), list[list[F32]]([[] for _ in queries])
    for start in range(0, len(vectors), _BLOCK):
        sweep = _sweep(vectors, measured.norms, slice(start, start + _BLOCK), targets, distance)
        near = sweep <= limits[:, None]
        for number in np.flatnonzero(near.any(axis=1)).tolist():
            places = np.flatnonzero(near[number])
            rows[number].append(places + start)
            seen[number].append(sweep[number, places])
    found = []
    for number, query in enumerate(queries):
        values = np.concatenate(seen[number])
        some = np.concatenate(rows[number])[values <= _kth(values[None], k)[0] + slack[number]]
        found.append(some[np.sort(exact_scan.nearest(dist.distances(vectors, some, query, distance), k))])
    return found


def _sweep(vectors: F32, norms: F32, part: slice, targets: F32, distance: Distance) -> F32:
    """Return what orders a part of the rows for each target as their distances do, nearly."""
    products, norms = targets @ vectors[part].T, norms[part]
    sweep: F32 = -products / norms if distance == "cosine" else norms * norms - 2 * products
    return sweep


def _kth(sweep: F32, k: int) -> F32:
    kth: F32 = np.partition(sweep, k - 1, axis=1)[:, k - 1]
    return kth


def _slack(measured: Scale, queries: F32, distance: Distance) -> F32:
    """Return for each query how far apart two rows can seem of which the farther is in truth the nearer, and more.

    Twice the bound of `exact`, and twice that for the roundings of the limits themselves.
    """
    terms = 4 * (queries.shape[1] + 8) * 2.0**-24
    reach = 1.0 if distance == "cosine" else (measured.most + dist.norms(queries)) ** 2
    slack: F32 = np.full(len(queries), terms * reach, np.float32)
    return slack
