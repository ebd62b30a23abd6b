"""k-means: the centroids of a sample of rows, by Lloyd's algorithm on two levels.

The sample is divided into about sqrt(k) groups, and each group into its share of the k clusters. Lloyd passes over all
clusters then correct the borders between groups. Each pass has more rows than the one before: at the same cost, a
search then reads 10 to 20 % less than after passes with equal rows. In a pass, each row is compared with each centroid,
at least by few components; if a part of the centroids is left out, a search reads up to twice as much
(docs/decisions/builds.md).

Results depend on neither the number of threads nor their order: each block of rows has its own products and argmin,
and each centroid is the mean of its rows in ascending order.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.assigning import assigned, split
from vectord.index.kernels.distance import F32
from vectord.index.kernels.products import products
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

# Of Lloyd's algorithm over all clusters, for each pass the rows of the sample for each centroid. With many centroids,
# two thirds of the rows take two thirds of the time, and a search reads 1 % more (docs/decisions/builds.md).
_PASSES: Final = (12, 24, 48)
_PASSES_OF_MANY: Final = (8, 16, 32)
_MANY: Final = 1_024  # centroids
_GROUP_PASSES: Final = 8
_MIN_GROUPS: Final = 2
_ROWS_PER_GROUP: Final = 128  # of the sample, for the centroids of the groups
_CLUSTER_PASSES: Final = 4  # within a group
_PRODUCTS: Final = 1 << 22  # float32 products at a time and thread: 16 MB
_LEAST_ROWS, _MOST_ROWS = 128, 512  # at a time; products of fewer rows take up to 1.5 times as long
_IN_CACHE: Final = 1 << 17  # distances that a processor's cache of 2 MB fits, with two more arrays of the same size
_COMPONENTS: Final = 1 << 22  # of the rows that are gathered at a time and thread: 16 MB


def sample_size(count: int) -> int:
    """Return the number of rows that `centroids_of` uses to find `count` centroids."""
    return _passes(count)[-1] * count


def centroids_of(sample: F32, count: int, leading: int = 0) -> F32:
    """Return at most `count` centroids of `sample` (n, dimension), float32 (k, dimension); clusters may be empty.

    The rows are in random order, and centred on zero, so that float32 products are precise. `leading` is as for
    `nearest`.
    """
    passes = _passes(count)
    centroids = _two_levels(sample[: passes[0] * count], count)
    for rows in passes:
        centroids = _moved(sample[: rows * count], centroids, leading)
    return centroids


def _passes(count: int) -> tuple[int, ...]:
    return _PASSES if count < _MANY else _PASSES_OF_MANY


def row_blocks(rows: int, centroids: int) -> list[slice]:
    """Return slices of `rows` rows, each for one call of `half_distances`."""
    step = min(_MOST_ROWS, max(_LEAST_ROWS, _PRODUCTS // centroids))
    return [slice(start, min(rows, start + step)) for start in range(0, rows, step)]


def half_distances(rows: F32, centroids: F32, halves: F32) -> Iterator[tuple[slice, F32]]:
    """Yield parts of `rows` with half of their squared distances to all `centroids`, float32 (rows, centroids).

    From each, half of the row's squared norm is subtracted, which changes no order. `halves` (centroids,) are half of
    the squared norms of the centroids. One product of many rows is the fastest, and then a processor's cache fits the
    distances of a few of them.
    """
    distances = products(rows, centroids)
    step = max(1, _IN_CACHE // len(centroids))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        yield part, np.subtract(halves, distances[part], out=distances[part])


def nearest(rows: F32, centroids: F32, leading: int = 0) -> tuple[Array, F32]:
    """Return for each of `rows` its nearest centroid, and the squared distance less the row's squared norm.

    With `leading`, only the centroids that are among the nearest by this number of components are compared by all.
    """
    halves = np.vecdot(centroids, centroids) / 2
    numbers, least = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    few = split(centroids, leading) if leading else None

    def assign(block: slice) -> None:
        of_block, least_of_block = numbers[block], least[block]
        if few is not None:
            of_block[:], least_of_block[:], _ = assigned(rows[block], few)
            return
        for part, distances in half_distances(rows[block], centroids, halves):
            of_block[part] = best = distances.argmin(axis=1)
            least_of_block[part] = distances[np.arange(len(best)), best]

    in_two_threads(assign, row_blocks(len(rows), len(centroids)))
    return numbers, 2 * least


def _two_levels(sample: F32, count: int) -> F32:
    groups = round(count**0.5)
    if groups < _MIN_GROUPS:
        return _lloyd(sample, count, _CLUSTER_PASSES)
    group_of, _ = nearest(sample, _lloyd(sample[: groups * _ROWS_PER_GROUP], groups, _GROUP_PASSES))
    order, starts = grouped(group_of, groups)
    ends = np.round(starts * (count / len(sample))).astype(np.int64)  # the shares add up to `count`
    parts = list[F32]([sample[:0]] * groups)

    def divide(group: int) -> None:
        rows = order[starts[group] : starts[group + 1]]
        if len(rows):
            parts[group] = _lloyd(sample[rows], max(1, int(ends[group + 1] - ends[group])), _CLUSTER_PASSES)

    in_two_threads(divide, range(groups))
    return np.concatenate(parts)


def _lloyd(rows: F32, count: int, passes: int) -> F32:
    """Return at most `count` centroids of `rows`, which are in random order, from the first ones by `passes` passes."""
    centroids = rows[:count]
    for _ in range(passes):
        centroids = _moved(rows, centroids)
    return centroids


def _moved(rows: F32, centroids: F32, leading: int = 0) -> F32:
    """Return the mean of each centroid's rows; an empty cluster gets the farthest row of one with a large error."""
    numbers, least = nearest(rows, centroids, leading)
    order, starts = grouped(numbers, len(centroids))
    sizes = np.diff(starts)
    moved = means(lambda some: rows[some], order, starts, centroids)
    empty = np.flatnonzero(sizes == 0)
    if len(empty):
        errors = np.maximum(least + np.vecdot(rows, rows), 0)
        far = _farthest_rows(errors, numbers, sizes, len(empty))
        moved[empty[: len(far)]] = rows[far]
    return moved


def means(rows: Callable[[Array], F32], order: Array, starts: Array, centroids: F32) -> F32:
    """Return the mean of the rows of each cluster, float32 (k, dimension); an empty one keeps its centroid.

    `rows` returns the vectors of some rows. `starts` (k + 1,) has where each cluster starts in `order`.
    """
    made = centroids.copy()

    def add(part: slice) -> None:
        first = int(starts[part.start])
        gathered = rows(order[first : starts[part.stop]])
        for number in range(part.start, part.stop):  # ten times as fast as add.reduceat
            members = gathered[starts[number] - first : starts[number + 1] - first]
            if len(members):
                np.add.reduce(members, axis=0, out=made[number])
                made[number] /= np.float32(len(members))

    in_two_threads(add, _centroid_blocks(starts, max(1, _COMPONENTS // centroids.shape[1])))
    return made


def grouped(numbers: Array, count: int) -> tuple[Array, Array]:
    """Return the positions of each of `count` numbers, those of one number ascending, and where each number starts."""
    order = np.argsort(numbers, kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=count))])


def _centroid_blocks(starts: Array, rows: int) -> list[slice]:
    """Return slices of the centroids with about `rows` rows each."""
    bounds = np.searchsorted(starts, np.arange(0, starts[-1] + rows, rows)).clip(0, len(starts) - 1)
    bounds[-1] = len(starts) - 1
    return [slice(first, last) for first, last in pairwise(np.unique(bounds).tolist())]


def _farthest_rows(errors: F32, numbers: Array, sizes: Array, count: int) -> Array:
    """Return the farthest row of each of the `count` clusters whose rows have the largest sums of squared distances."""
    totals = np.bincount(numbers, errors, minlength=len(sizes))
    clusters = np.argsort(-totals, kind="stable")[:count]
    clusters = clusters[totals[clusters] > 0]
    order = np.lexsort((errors, numbers))
    return order[np.cumsum(sizes)[clusters] - 1]
