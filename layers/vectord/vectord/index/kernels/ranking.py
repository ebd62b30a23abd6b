"""Scores of centroids for a query, from one product; from fewer components where that is faster and as good."""

from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# A product with fewer components of the matrix takes less time than what a reduction could save.
_MIN_COMPONENTS: Final = 1 << 19
_SAMPLE: Final = 512  # rows of the matrix from which the directions are computed, which takes about 20 ms
_STEP: Final = 32  # the reduced dimension is a multiple of it
_LOST: Final = 0.05  # of the variance of the rows, up to which they are ranked about as well without it


class Ranking:
    """Ranks the rows of a matrix (n, dimension) by matrix @ residual + offsets, the largest first."""

    def __init__(self, matrix: F32, offsets: F32) -> None:
        self.matrix, self.offsets = matrix, offsets

    def exactly(self, residual: F32, count: int, allowed: Mask | None = None) -> Array:
        """Return the `count` best rows for a query's residual (dimension,); only those that `allowed` has as True."""
        return largest(self.matrix @ residual + self.offsets, count, allowed)

    def exactly_all(self, residuals: F32, count: int, allowed: Mask | None = None) -> list[Array]:
        """Return what `exactly` returns for each of `residuals` (queries, dimension), from one product."""
        return [largest(scores, count, allowed) for scores in residuals @ self.matrix.T + self.offsets]

    def about(self, residual: F32, count: int, allowed: Mask | None = None) -> Array:
        """Return about the same as `exactly` in less time, for a process that ranks many queries."""
        if self._reduced is None:
            return self.exactly(residual, count, allowed)
        matrix, directions = self._reduced
        return largest(matrix @ (directions @ residual) + self.offsets, count, allowed)

    def about_all(self, residuals: F32, count: int, allowed: Mask | None = None) -> list[Array]:
        """Return what `about` returns for each of `residuals` (queries, dimension), from one product."""
        if self._reduced is None:
            return self.exactly_all(residuals, count, allowed)
        matrix, directions = self._reduced
        scores = residuals @ directions.T @ matrix.T + self.offsets
        return [largest(each, count, allowed) for each in scores]

    @cached_property
    def _reduced(self) -> tuple[F32, F32] | None:
        """The rows along their leading principal directions, and these, (reduced dimension, dimension)."""
        if self.matrix.size < _MIN_COMPONENTS:
            return None
        directions = _principal_directions(self.matrix[:: max(1, len(self.matrix) // _SAMPLE)])
        if len(directions) > self.matrix.shape[1] // 2:
            return None
        return self.matrix @ directions.T, directions


def _principal_directions(rows: F32) -> F32:
    """Return the directions, without subtracting the mean, outside of which the rows have nearly no variance.

    They are eigenvectors of the smaller of the two products of the rows with themselves.
    """
    wide = len(rows) < rows.shape[1]
    values, vectors = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    left = values.sum() - values.cumsum()
    spread = rows - rows.mean(axis=0)
    kept = int(np.searchsorted(-left, -_LOST * np.vdot(spread, spread))) + 1
    kept = min(-(-kept // _STEP) * _STEP, len(values))
    directions = vectors[:, :kept]
    if wide:
        directions = rows.T @ directions / np.sqrt(np.maximum(values[:kept], values[0] * np.float32(1e-6)))
    return np.ascontiguousarray(directions.T, np.float32)


def largest(scores: F32, count: int, allowed: Mask | None) -> Array:
    """Return the positions of the `count` largest scores, largest first."""
    if allowed is not None:
        places = np.flatnonzero(allowed)
        return places[largest(scores[places], count, None)]
    if count < len(scores):
        places = np.argpartition(scores, len(scores) - count)[len(scores) - count :]
        return places[np.argsort(-scores[places])]
    return np.argsort(-scores, kind="stable")
