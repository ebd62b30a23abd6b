"""SOAR: the second partition of a row, chosen so that it helps where the first one fails.

A query misses a row if the row's centroid does not look near, which is so if the row's residual points away from the
query. So the second centroid should not only be near the row. Its residual should also be orthogonal to the first.
The loss of centroid c' for a row x with the centroid c is |x - c'|^2 + lambda * <r, x - c'>^2 / |r|^2, where r = x - c.
After Sun et al., "SOAR: Improved indexing for approximate nearest neighbor search" (NeurIPS 2023).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.build.partitioning.kmeans import half_distances, row_blocks
from vectord.index.kernels.assigning import NO_CENTROID, Penalty, assigned, split
from vectord.index.kernels.distance import F32
from vectord.index.kernels.products import products

Array = npt.NDArray[np.int64]

NO_PARTITION: Final = NO_CENTROID
_LAMBDA: Final = 2.0
# A row that is as near as this to its centroid, as a share of the squared norms, needs no second partition.
_NO_RESIDUAL: Final = 1e-6
_PENALTY: Final = Penalty(_LAMBDA / 2, _NO_RESIDUAL)


class Assigner:
    """Assigns rows to the nearest of `centroids` (k, dimension) and, if `spill`, to a second one.

    `leading` is as for `kmeans.nearest`; it is the same for the second centroid.
    """

    def __init__(self, centroids: F32, *, spill: bool, leading: int = 0) -> None:
        self._centroids = centroids
        self._halves = np.vecdot(centroids, centroids) / 2
        self._products = products(centroids, centroids) if spill and len(centroids) > 1 else None
        if self._products is not None:
            self._products -= self._halves
        self._few = split(centroids, leading, self._products) if leading else None

    def assign(self, rows: F32) -> tuple[Array, Array]:
        """Return for each of `rows` the nearest centroid, and the second one; -1 if it needs none."""
        first, second = np.empty(len(rows), np.int64), np.full(len(rows), NO_PARTITION)
        squares = np.vecdot(rows, rows)
        for block in row_blocks(len(rows), len(self._centroids)):
            if self._few is not None:
                first[block], _, second[block] = assigned(rows[block], self._few, _PENALTY)
                continue
            for part, distances in half_distances(rows[block], self._centroids, self._halves):
                some = slice(block.start + part.start, min(block.start + part.stop, block.stop))
                first[some] = numbers = distances.argmin(axis=1)
                if self._products is not None:
                    second[some] = self._second(squares[some], numbers, distances)
        return first, second

    def _second(self, squares: F32, first: Array, distances: F32) -> Array:
        """Return the second centroids of rows with the squared norms `squares`; this changes `distances`."""
        assert self._products is not None
        own = np.arange(len(first))
        nearest = distances[own, first]
        residuals = np.maximum(2 * nearest + squares, 0)  # their squared lengths
        near = residuals <= _NO_RESIDUAL * (squares + 2 * self._halves[first])
        # <r, x - c'> = |x|^2 - <x, c> - <x, c'> + <c, c'>, of which `distances` has |c'|^2 / 2 - <x, c'>
        loss = self._products[first]
        loss += distances
        loss += (squares + nearest - self._halves[first])[:, None]
        loss *= loss
        loss *= (np.float32(_LAMBDA / 2) / np.where(near, 1, residuals))[:, None]
        loss += distances
        loss[own, first] = np.inf
        return np.where(near, NO_PARTITION, loss.argmin(axis=1))
