"""Held-out queries: rows that are left out, and vectors between rows, with their true neighbours, to measure recall."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32, F64
from vectord.index.kernels.exact_scan import RowNorms, smallest_with_ties
from vectord.index.kernels.ground_truth import Neighbours, true_neighbours
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

KS: Final = (10, 100)  # of the recalls that are measured: recall@10 and recall@100
_LEFT_OUT: Final = 256  # queries that are rows, and are left out of their neighbours
_LEAST_LEFT_OUT: Final = 16
_ROWS_PER_LEFT_OUT: Final = 4  # fewer than 1,024 rows have fewer queries: more would be near those that there are
# A row is a near copy of another one if its distance is at most this share of that of the 20th nearest row. A cosine
# distance grows with the square of the length between two vectors.
_COPY_OF: Final = 20
_COPY_SHARE: Final = {"cosine": 0.25, "euclidean": 0.5}
_MOST_COPIES: Final = 64  # of a row that is a query; others are not looked for
_DRAWN: Final = 1_024  # rows, of which the distinct ones replace repeated ones
_TOWARD_ANY: Final = 5 / 8  # queries toward any other row, as a share of the left out ones
_TOWARD_NEAR: Final = 1 / 4  # queries toward one of the nearest rows, as a share of the left out ones
_STEP_TOWARD: Final = np.float32(0.375)  # how far a held-out query is moved toward another row
_SEED: Final = 7


class HeldOutQueries(msgspec.Struct, frozen=True, eq=False):
    """Query vectors, float32 (q, dimension), and for each k of KS the rows at most as far as the true k-th of each.

    The rows of a query are ascending. A row that is as near as the true k-th counts as a hit, so that ties among
    duplicates do not count as misses. `left_out` has the rows near each query that an index would not have beside it.
    """

    vectors: F32
    nearest: tuple[Sequence[Array], ...]
    left_out: Sequence[Array]

    def hits(self, number: int, rows: Array) -> Mask:
        """Return for each of `rows` whether it is one of the 10 true neighbours of query `number`."""
        return are_in(rows, self.nearest[0][number])


def are_in(rows: npt.NDArray[np.integer], wanted: Array) -> Mask:
    """Return which of `rows` are in `wanted`, which is ascending and not empty."""
    found: Mask = wanted[np.minimum(np.searchsorted(wanted, rows), len(wanted) - 1)] == rows
    return found


def query_sets(vectors: F32, norms: RowNorms, distance: Distance, order: Array | None = None) -> list[HeldOutQueries]:
    """Return three sets of queries: stored vectors, and others moved toward any other row, or toward a near one.

    The neighbours of a stored vector are those of a new one: neither itself nor its copies. Recall differs between the
    sets, and the lowest one counts: stored vectors are hard beside many near copies, vectors toward any row are as hard
    as questions about texts, and vectors toward a near row are hard in tight clusters. There are at least 10 rows, and
    float32 arithmetic on them stays in range. With `order`, which lists row numbers, neighbours are places in it.
    """
    rng = np.random.default_rng(_SEED)
    more = np.random.default_rng(_SEED)
    count = min(_LEFT_OUT, max(_LEAST_LEFT_OUT, len(vectors) // _ROWS_PER_LEFT_OUT))
    rows, other = (_varied(vectors, rng.choice(len(vectors), count), more) for _ in range(2))
    any_rows = slice(round(count * _TOWARD_ANY))
    start = rows[: round(count * _TOWARD_NEAR)]
    most = min(KS[-1] + _MOST_COPIES, len(vectors))
    neighbours = true_neighbours(vectors, norms, rows, most, distance)
    near_row = np.array(
        [rng.choice(near.rows[np.sort(smallest_with_ties(near.distances, KS[0]))]) for near in neighbours[: len(start)]]
    )
    moved = [
        rows[any_rows] + _STEP_TOWARD * (other[any_rows] - rows[any_rows]),
        start + _STEP_TOWARD * (vectors[near_row] - start),
    ]
    moved = [each[dist.norms(each) > 0] for each in moved]  # a zero vector has no direction
    of_moved = iter(true_neighbours(vectors, norms, np.concatenate(moved), most, distance))
    sets = [
        _set(rows, neighbours, distance, copies=False, rows=len(vectors)),
        *(_set(each, list(islice(of_moved, len(each))), distance, copies=True, rows=len(vectors)) for each in moved),
    ]
    made = [each for each in sets if len(each.vectors)]
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
    return HeldOutQueries(queries.vectors, tuple(nearest), [number_of[rows] for rows in queries.left_out])


def _set(
    queries: F32, neighbours: Sequence[Neighbours], distance: Distance, *, copies: bool, rows: int
) -> HeldOutQueries:
    """Return the queries with their nearest of `rows` rows: all of them, or without `copies`.

    A query with too few other rows is left out.
    """
    used, nearest, left_out = list[int](), list[list[Array]]([[] for _ in KS]), list[Array]()
    for number, near in enumerate(neighbours):
        eligible = np.full(len(near.rows), True) if copies else ~_are_copies(near.distances, distance)
        others, distances = near.rows[eligible], near.distances[eligible]
        if len(others) >= min(KS[0], rows - 1):
            used.append(number)
            left_out.append(near.rows[~eligible])
            for k, of_k in zip(KS, nearest, strict=True):
                of_k.append(others[np.sort(smallest_with_ties(distances, k))])
    return HeldOutQueries(queries[used], tuple(nearest), left_out)


def _are_copies(distances: F64, distance: Distance) -> Mask:
    """Return which of the nearest rows of a row, at `distances` from it, are itself and its near copies."""
    place = min(_COPY_OF, len(distances)) - 1
    copies: Mask = distances <= _COPY_SHARE[distance] * np.partition(distances, place)[place]
    return copies
