"""Short paths through sets of vectors: an order in which neighbours are near, so that few ranges of a file have them.

A path goes from each vector to the nearest one that it has not visited. Partitions along one path need 13 ranges where
their order by groups needs 18, and a path within each partition saves a quarter to two fifths of the ranges of rows
(docs/decisions/builds.md).
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32
from vectord.index.kernels.products import products
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

_LONGEST: Final = 1_024  # rows of a path; a larger partition has several
_PRODUCTS: Final = 1 << 22  # float32 products at a time and thread: 16 MB


def short_path(vectors: F32) -> Array:
    """Return a short path through `vectors` (n, dimension), n >= 1, that begins at the longest one."""
    path: Array = _paths(products(vectors, vectors)[None], np.array([len(vectors)]))[0]
    return path


def along_paths(rows: Callable[[Array], F32], order: Array, starts: Array) -> Array:
    """Return `order` with the rows of each partition along a short path; `rows` returns the vectors of some rows.

    `starts` (k + 1,) has where each partition starts in `order`, and the number of rows.
    """
    firsts = np.concatenate([np.arange(*bounds, _LONGEST) for bounds in pairwise(starts)])
    sizes = np.diff(firsts, append=starts[-1])
    result = order.copy()

    def arrange(batch: Array) -> None:
        longest = int(sizes[batch].max())
        grams = np.zeros((len(batch), longest, longest), np.float32)
        for gram, first, size in zip(grams, firsts[batch], sizes[batch], strict=True):
            vectors = rows(order[first : first + size])
            gram[:size, :size] = products(vectors, vectors)
        for path, first, size in zip(_paths(grams, sizes[batch]), firsts[batch], sizes[batch], strict=True):
            result[first : first + size] = order[first + path[:size]]

    in_two_threads(arrange, list(_batches(sizes)))
    return result


def _batches(sizes: Array) -> Iterator[Array]:
    """Yield the numbers of paths of about equal sizes, whose products fit into the memory of a thread."""
    by_size = np.argsort(-sizes, kind="stable")
    first = 0
    while first < len(by_size):
        last = first + max(1, _PRODUCTS // int(sizes[by_size[first]]) ** 2)
        yield by_size[first:last]
        first = last


def _paths(grams: F32, sizes: Array) -> Array:
    """Return a path for each of b sets with the products `grams` (b, m, m) and `sizes` vectors, int64 (b, m)."""
    sets, longest = grams.shape[:2]
    numbers, remaining = np.arange(sets), np.einsum("bii->bi", grams) / 2
    paths = np.empty((sets, longest), np.int64)
    present = np.argmax(remaining, axis=1)
    remaining[np.arange(longest) >= sizes[:, None]] = np.inf
    for step in range(longest):
        paths[:, step] = present
        remaining[numbers, present] = np.inf
        # Half of the squared distances to the vectors that were not visited, less a term that all have.
        present = np.argmin(remaining - grams[numbers, present], axis=1)
    return paths
