"""SOAR: the second partition of a row, chosen so that it helps where the first one fails.

A query misses a row if the row's centroid does not look near, which is so if the row's residual points away from the
query. So the second centroid should not only be near the row. Its residual should also be orthogonal to the first.
The loss of centroid c' for a row x with the centroid c is |x - c'|^2 + lambda * <r, x - c'>^2 / |r|^2, where r = x - c.
After Sun et al., "SOAR: Improved indexing for approximate nearest neighbor search" (NeurIPS 2023).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.build.partitioning.kmeans import row_blocks
from vectord.index.kernels.distance import F32

Array = npt.NDArray[np.int64]

NO_PARTITION: Final = -1
_LAMBDA: Final = np.float32(2)
_NO_RESIDUAL: Final = (
    1e-6  # a row that is as near as this to its centroid, as a share of the squared norms, needs no second partition
)


class Assigner:
    """Assigns rows to the nearest of `centroids` (k, dimension) and, if `spill`, to a second one."""

    def __init__(self, centroids: F32, *, spill: bool) -> None:
        self._centroids = centroids
        self._norms = np.vecdot(centroids, centroids)
        self._products = centroids @ centroids.T if spill and len(centroids) > 1 else None

    def assign(self, rows: F32) -> tuple[Array, Array]:
        """Return for each of `rows` the nearest centroid and the second one; -1 if it needs none."""
        first, second = np.empty(len(rows), np.int64), np.full(len(rows), NO_PARTITION)
        for block in row_blocks(len(rows), len(self._centroids)):
            products = rows[block] @ self._centroids.T
            distances = self._norms - 2 * products  # less the row's squared norm, which changes no order
            first[block] = numbers = distances.argmin(axis=1)
            if self._products is not None:
                second[block] = self._second(rows[block], numbers, products, distances)
        return first, second

    def _second(self, rows: F32, first: Array, products: F32, distances: F32) -> Array:
        assert self._products is not None
        own, norms = np.arange(len(first)), np.vecdot(rows, rows)
        residuals = np.maximum(distances[own, first] + norms, 0)  # squared lengths
        # <r, x - c'> = |x|^2 - <x, c> - <x, c'> + <c, c'>
        loss = self._products[first]
        loss -= products
        loss += (norms - products[own, first])[:, None]
        loss *= loss
        near = residuals <= _NO_RESIDUAL * (norms + self._norms[first])
        loss *= (_LAMBDA / np.where(near, 1, residuals))[:, None]
        loss += distances
        loss[own, first] = np.inf
        return np.where(near, NO_PARTITION, loss.argmin(axis=1))
