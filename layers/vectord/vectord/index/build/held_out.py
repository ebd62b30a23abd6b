"""Held-out queries: vectors that equal no row but lie between rows, and their true neighbours, to measure recall."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms, smallest_with_ties
from vectord.index.kernels.ground_truth import true_neighbours
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

KS: Final = (10, 100)  # of the recalls that are measured: recall@10 and recall@100
_TOWARD_ANY: Final = 256  # queries toward any other row; their recall is usually the lower one
_DRAWN: Final = 1_024  # rows, of which the distinct ones replace repeated ones
_TOWARD_NEAR: Final = 96
_STEP_TOWARD: Final = np.float32(0.375)  # how far a held-out query is moved toward another row
_SEED: Final = 7


class HeldOutQueries(msgspec.Struct, frozen=True, eq=False):
    """Query vectors, float32 (q, dimension), and for each k of KS the rows at most as far as the true k-th of each.

    The rows of a query are ascending. A row that is as near as the true k-th counts as a hit, so that ties among
    duplicates do not count as misses.
    """

    vectors: F32
    nearest: tuple[Sequence[Array], ...]

    def hits(self, number: int, rows: Array) -> Mask:
        """Return for each of `rows` whether it is one of the 10 true neighbours of query `number`."""
        return are_in(rows, self.nearest[0][number])


def are_in(rows: npt.NDArray[np.integer], wanted: Array) -> Mask:
    """Return which of `rows` are in `wanted`, which is ascending and not empty."""
    found: Mask = wanted[np.minimum(np.searchsorted(wanted, rows), len(wanted) - 1)] == rows
    return found


def query_sets(vectors: F32, norms: RowNorms, distance: Distance, order: Array | None = None) -> list[HeldOutQueries]:
    """Return two sets of queries: stored vectors moved toward any other row, or toward one of the nearest rows.

    In tight clusters recall differs between the two sets, and the lower one counts. There are at least 10 rows, and
    float32 arithmetic on them stays in range. With `order`, which lists row numbers, neighbours are places in it.
    """
    rng = np.random.default_rng(_SEED)
    more = np.random.default_rng(_SEED)
    first, other = (_varied(vectors, rng.choice(len(vectors), _TOWARD_ANY), more) for _ in range(2))
    start = first[:_TOWARD_NEAR]
    near_row = np.array([rng.choice(rows) for rows in true_neighbours(vectors, norms, start, KS[0], distance)])
    moved = [first + _STEP_TOWARD * (other - first), start + _STEP_TOWARD * (vectors[near_row] - start)]
    queries = [each[dist.norms(each) > 0] for each in moved]  # a zero vector has no direction
    most = min(KS[-1], len(vectors))
    neighbours = true_neighbours(vectors, norms, np.concatenate(queries), most, distance)
    count = len(queries[0])
    sets = zip(queries, (neighbours[:count], neighbours[count:]), strict=True)
    made = [_set(vectors, each, found, distance) for each, found in sets if len(each)]
    return made if order is None else [_renumbered(each, np.argsort(order)) for each in made]


def _varied(vectors: F32, rows: Array, rng: np.random.Generator) -> F32:
    """Return the vectors of `rows`; of several rows that are equal, all but the first are replaced by distinct ones.

    A query beside one of many equal rows finds its neighbours with any effort. Many of them would hide the others.
    """
    drawn: F32 = vectors[rows]
    _, places, numbers = np.unique(drawn, axis=0, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(rows[places][numbers.ravel()] != rows)
    if len(repeated):
        others = vectors[rng.choice(len(vectors), _DRAWN)]
        _, places = np.unique(others, axis=0, return_index=True)
        drawn[repeated] = np.resize(others[np.sort(places)], (len(repeated), vectors.shape[1]))
    return drawn


def _renumbered(queries: HeldOutQueries, number_of: Array) -> HeldOutQueries:
    """Return the queries with other numbers for the rows."""
    nearest = [[np.sort(number_of[rows]) for rows in of_k] for of_k in queries.nearest]
    return HeldOutQueries(queries.vectors, tuple(nearest))


def _set(vectors: F32, queries: F32, neighbours: Sequence[Array], distance: Distance) -> HeldOutQueries:
    nearest = [
        rows[np.sort(smallest_with_ties(dist.distances(vectors, rows, query, distance), KS[0]))]
        for query, rows in zip(queries, neighbours, strict=True)
    ]
    return HeldOutQueries(queries, (nearest, neighbours))
