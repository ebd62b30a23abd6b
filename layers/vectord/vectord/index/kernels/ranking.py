"""Rank centroids for a query: by exact scores, or first by scores in fewer dimensions where that is faster."""

from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.kernels.distance import F32

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int16]

# A product with fewer components of the matrix takes less time than what a reduction could save.
_MIN_COMPONENTS: Final = 1 << 19
_SAMPLE: Final = 512  # rows of the matrix from which the directions are computed, which takes about 20 ms
_STEP: Final = 32  # the reduced dimension is a multiple of it
# At 99,000 rows of text, 96 of 384 directions and twice as many rows find as many partitions of true neighbours as
# exact scores do for 42 of 1,548 rows of the matrix, and 0.0005 fewer for 116 (docs/decisions/search.md).
_LOST: Final = 0.16  # of the variance of the rows that the directions may leave out
_MAX_LEVEL: Final = 1_023  # as in query.h
_CONSIDERED: Final = 2  # rows that exact scores choose from, for each row that is wanted


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
        """Return nearly the same rows as `exactly`, ascending, in less time for a process that ranks many queries.

        The scores along a few directions choose `_CONSIDERED` times as many rows, and exact scores choose from these.
        """
        eligible = len(self.matrix) if allowed is None else int(np.count_nonzero(allowed))
        if _CONSIDERED * count > eligible // 2 or self._reduced is None:
            return np.sort(self.exactly(residual, count, allowed))
        matrix, directions = self._reduced
        if compiled.native is not None:
            chosen, (levels, step) = np.empty(count, np.int64), self._levels
            compiled.native.choose(
                self.matrix, self.offsets, residual, levels, step, directions, allowed, _CONSIDERED * count, chosen
            )
            return chosen
        places = None if allowed is None else np.flatnonzero(allowed)
        scores = matrix @ (directions @ residual)
        scores += self.offsets
        if places is None:
            considered = _places_of_largest(scores, _CONSIDERED * count)
        else:
            considered = places[_places_of_largest(scores[places], _CONSIDERED * count)]
        scores = self.matrix[considered] @ residual
        scores += self.offsets[considered]
        best = considered[_places_of_largest(scores, count)]
        best.sort()
        return best

    def about_all(self, residuals: F32, count: int, allowed: Mask | None = None) -> list[Array]:
        """Return nearly the rows of `exactly` for each of `residuals` (queries, dimension), ascending.

        numpy computes them exactly, from one product.
        """
        if compiled.native is not None:
            return [self.about(residual, count, allowed) for residual in residuals]
        places = None if allowed is None else np.flatnonzero(allowed)
        scores = residuals @ self.matrix.T + self.offsets
        if places is not None:
            scores = scores[:, places]
        kept = scores.shape[1] - count
        if kept <= 0:
            best = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        else:
            best = np.sort(scores.argpartition(kept, axis=1)[:, kept:], axis=1)
        return list(best if places is None else places[best])

    @cached_property
    def _reduced(self) -> tuple[F32, F32] | None:
        """The rows along their leading principal directions, and these, (reduced dimension, dimension)."""
        if self.matrix.size < _MIN_COMPONENTS:
            return None
        directions = _principal_directions(self.matrix[:: max(1, len(self.matrix) // _SAMPLE)])
        if len(directions) > self.matrix.shape[1] // 2:
            return None
        return self.matrix @ directions.T, directions

    @cached_property
    def _levels(self) -> tuple[Levels, float]:
        """The rows along the leading directions in whole steps, and the step: half of the bytes that a search reads."""
        matrix, _ = self._reduced or (self.matrix, None)
        step = float(np.abs(matrix).max()) / _MAX_LEVEL or 1.0
        return np.rint(matrix / np.float32(step)).astype(np.int16), step


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
        places = _places_of_largest(scores, count)
        return places[np.argsort(-scores[places])]
    return np.argsort(-scores, kind="stable")


def _places_of_largest(scores: F32, count: int) -> Array:
    """Return the positions of the `count` largest scores, fewer than there are, unordered."""
    return scores.argpartition(len(scores) - count)[len(scores) - count :]
