"""Ground truth: the true nearest rows of many queries at once, with which a build measures recall."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32, F64, normalized
from vectord.index.kernels.exact_scan import RowNorms
from vectord.lhv1.params import Distance
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

_SAMPLE: Final = 4_096  # rows, of which the k-th bounds how far the neighbours of a query are
_LARGE: Final = 1 << 17  # rows, from which on a second sample, of every 16th row, gives a closer bound
_SECOND_STEP: Final = 16
_PRODUCTS: Final = 1 << 19  # at a time and thread: 2 MB, which a processor's cache fits
_BLOCK: Final = 4_096  # rows at most
_MAX_CANDIDATES: Final = 4_000_000  # at a time, of all queries; each has 12 bytes, and 20 more while they are sorted


class _Candidates(msgspec.Struct, frozen=True, eq=False):
    """Rows that may be neighbours: for each the number of its query, the row, and its value in the sweep."""

    numbers: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    values: F32


class Neighbours(msgspec.Struct, frozen=True, eq=False):
    """The nearest rows of a query, ascending by row number, and their exact distances."""

    rows: Array
    distances: F64


class _TooMany(Exception):
    """There are more candidates than fit into the memory for them."""


def true_neighbours(vectors: F32, norms: RowNorms, queries: F32, k: int, distance: Distance) -> list[Neighbours]:
    """Return for each of `queries` (q, dimension) its k nearest rows and their ties.

    Rows and queries are float32-safe; k is at most 4,096 and at most the number of rows. Each block of rows is
    multiplied with all queries at once, by two threads. Rows farther than the k-th row of a sample are dropped at once.
    """
    distinct, number_of = np.unique(queries, axis=0, return_inverse=True)  # of equal rows, many queries are equal
    found = _true_neighbours(vectors, norms, distinct, k, distance)
    return [found[number] for number in number_of.ravel().tolist()]


def _true_neighbours(vectors: F32, norms: RowNorms, queries: F32, k: int, distance: Distance) -> list[Neighbours]:
    """Return the neighbours of distinct queries; of half of the queries at a time if they have very many candidates."""
    targets = _targets(queries, distance)
    slack = _slack(norms, queries, distance)
    sample = np.arange(0, len(vectors), max(1, len(vectors) // _SAMPLE))
    limits = _kth(_sweep(vectors, norms.norms, sample, targets, distance), k) + slack
    try:
        if len(vectors) >= _LARGE:
            few = _below(vectors, norms.norms, targets, limits, distance, step=_SECOND_STEP)
            nearer = [
                _kth(each.values[None], k)[0] if len(each.values) >= k else np.inf
                for each in _by_query(few, len(queries))
            ]
            limits = np.minimum(limits, np.array(nearer, np.float32) + slack)
        candidates = _below(vectors, norms.norms, targets, limits, distance)
    except _TooMany:
        halves = np.array_split(queries, 2)
        return [each for half in halves for each in _true_neighbours(vectors, norms, half, k, distance)]
    neighbours = []
    for query, margin, near in zip(queries, slack, _by_query(candidates, len(queries)), strict=True):
        rows = near.rows[near.values <= _kth(near.values[None], k)[0] + margin].astype(np.int64)
        exact = dist.distances(vectors, rows, query, distance)
        nearest = np.sort(exact_scan.smallest_with_ties(exact, k))
        neighbours.append(Neighbours(rows[nearest], exact[nearest]))
    return neighbours


def _below(vectors: F32, norms: F32, targets: F32, limits: F32, distance: Distance, *, step: int = 1) -> _Candidates:
    """Return for each target the rows, of every `step`-th one, whose values in the sweep are at most its limit.

    Raises:
        _TooMany: they do not fit into the memory for them, and there are several targets.
    """
    size = min(_BLOCK, max(1, _PRODUCTS // len(targets))) * step
    starts = range(0, len(vectors), size)
    found = list[_Candidates | None]([None] * len(starts))
    count = 0

    def examine(block: int) -> None:
        nonlocal count
        if count > _MAX_CANDIDATES and len(targets) > 1:
            return
        start = starts[block]
        sweep = _sweep(vectors, norms, slice(start, start + size, step), targets, distance)
        places = np.flatnonzero(sweep <= limits[:, None])
        numbers, positions = np.divmod(places, sweep.shape[1])
        rows = (start + step * positions).astype(np.int32)
        found[block] = _Candidates(numbers.astype(np.int32), rows, sweep.reshape(-1)[places])
        count += len(places)

    in_two_threads(examine, range(len(starts)))
    if count > _MAX_CANDIDATES and len(targets) > 1:
        raise _TooMany
    blocks = [block for block in found if block is not None]
    return _Candidates(
        np.concatenate([block.numbers for block in blocks]),
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.values for block in blocks]),
    )


def _by_query(candidates: _Candidates, queries: int) -> Iterator[_Candidates]:
    """Yield the candidates of each query, in ascending order of rows."""
    order = np.argsort(candidates.numbers, kind="stable")
    ends = np.cumsum(np.bincount(candidates.numbers, minlength=queries))
    for start, end in pairwise([0, *ends.tolist()]):
        places = order[start:end]
        yield _Candidates(candidates.numbers[places], candidates.rows[places], candidates.values[places])


def _targets(queries: F32, distance: Distance) -> F32:
    """Return what rows are multiplied with, float32 (queries, dimension)."""
    if distance == "cosine":
        return -np.array([normalized(query) for query in queries])
    return np.float32(-2) * queries


def _sweep(vectors: F32, norms: F32, part: Array | slice, targets: F32, distance: Distance) -> F32:
    """Return float32 (targets, rows) that order a part of the rows nearly as their distances to a target do."""
    sweep: F32 = targets @ vectors[part].T
    if distance == "cosine":
        sweep /= norms[part]
    else:
        sweep += norms[part] * norms[part]
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
