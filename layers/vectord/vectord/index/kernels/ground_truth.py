"""Ground truth: the true nearest rows of many queries at once, with which a build measures recall."""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32, normalized
from vectord.index.kernels.exact_scan import RowNorms
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]

_BLOCK: Final = 4_096  # rows at a time: a processor's cache fits their products with some 100 queries
_MAX_CANDIDATES: Final = 8_000_000  # at a time, of all queries; each has 12 bytes


def true_neighbours(vectors: F32, norms: RowNorms, queries: F32, k: int, distance: Distance) -> list[Array]:
    """Return for each of `queries` (q, dimension) its k nearest rows and their ties, in ascending order of row numbers.

    Rows and queries are float32-safe; k is at most 4,096 and at most the number of rows. Each block of rows is
    multiplied with all queries at once. Rows farther than the k-th row of a sample are dropped at once.
    """
    distinct, number_of = np.unique(queries, axis=0, return_inverse=True)  # of equal rows, many queries are equal
    found = _true_neighbours(vectors, norms, distinct, k, distance)
    return [found[number] for number in number_of.ravel().tolist()]


def _true_neighbours(vectors: F32, norms: RowNorms, queries: F32, k: int, distance: Distance) -> list[Array]:
    """Return the neighbours of distinct queries; of half of the queries at a time if they have very many candidates."""
    targets = np.array([normalized(query) for query in queries]) if distance == "cosine" else queries
    slack = _slack(norms, queries, distance)
    sample = slice(None, None, max(1, len(vectors) // _BLOCK))
    limits = _kth(_sweep(vectors, norms.norms, sample, targets, distance), k) + slack
    rows, values = list[list[Array]]([[] for _ in queries]), list[list[F32]]([[] for _ in queries])
    count = 0
    for start in range(0, len(vectors), _BLOCK):
        sweep = _sweep(vectors, norms.norms, slice(start, start + _BLOCK), targets, distance)
        below = sweep <= limits[:, None]
        count += int(np.count_nonzero(below))
        if count > _MAX_CANDIDATES and len(queries) > 1:
            del rows, values
            return [
                neighbours
                for half in np.array_split(queries, 2)
                for neighbours in _true_neighbours(vectors, norms, half, k, distance)
            ]
        for number in np.flatnonzero(below.any(axis=1)).tolist():
            positions = np.flatnonzero(below[number])
            rows[number].append(positions + start)
            values[number].append(sweep[number, positions])
    neighbours = []
    for number, query in enumerate(queries):
        sweep_values = np.concatenate(values[number])
        candidates = np.concatenate(rows[number])[sweep_values <= _kth(sweep_values[None], k)[0] + slack[number]]
        exact = dist.distances(vectors, candidates, query, distance)
        neighbours.append(candidates[np.sort(exact_scan.smallest_with_ties(exact, k))])
    return neighbours


def _sweep(vectors: F32, norms: F32, part: slice, targets: F32, distance: Distance) -> F32:
    """Return float32 (targets, rows) that order a part of the rows nearly as their distances to a target do."""
    products, norms = targets @ vectors[part].T, norms[part]
    sweep: F32 = -products / norms if distance == "cosine" else norms * norms - 2 * products
    return sweep


def _kth(sweep: F32, k: int) -> F32:
    kth: F32 = np.partition(sweep, k - 1, axis=1)[:, k - 1]
    return kth


def _slack(norms: RowNorms, queries: F32, distance: Distance) -> F32:
    """Return for each query a bound of the sweep difference between two rows that the sweep has in the wrong order.

    It is twice the error bound of `exact_scan`, and twice that for the roundings of the limits themselves.
    """
    terms = 4 * (queries.shape[1] + 8) * 2.0**-24
    scale = 1.0 if distance == "cosine" else (norms.largest + dist.norms(queries)) ** 2
    slack: F32 = np.full(len(queries), terms * scale, np.float32)
    return slack
