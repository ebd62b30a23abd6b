"""Principal components: the two directions in which vectors differ most."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


class Plane(NamedTuple):
    """Coordinates in two dimensions, and the share of the variance that they have."""

    x: list[float]
    y: list[float]
    explained: float


def project(vectors: Sequence[Any], *, directions: bool) -> Plane:
    """Return the first two principal components of vectors; with `directions`, of vectors scaled to length 1.

    The eigenvectors are those of the smaller of the two Gram matrices, which is exact. The largest coordinate of an
    axis is positive, so that the map of an index looks the same each time.
    """
    if not vectors:
        return Plane([], [], 0.0)
    rows: Matrix = np.stack([np.frombuffer(vector, np.float32) for vector in vectors]).astype(np.float64)
    rows /= max(float(np.abs(rows).max()), np.finfo(np.float64).tiny)  # squares of large components stay finite
    if directions:
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    rows -= rows.mean(axis=0)
    total = float(np.square(rows).sum())
    if total == 0.0:
        return Plane([0.0] * len(rows), [0.0] * len(rows), 0.0)
    plane = _components(rows)
    plane *= np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]]) + 0.0
    x, y = np.round(plane / np.abs(plane).max(), 6).T.tolist()
    return Plane(x, y, min(1.0, float(np.square(plane).sum()) / total))


def _components(rows: Matrix) -> Matrix:
    """Return the coordinates of centred rows on their first two axes, the second one zeros if there is none."""
    count, dimension = rows.shape
    if dimension <= count:
        _, axes = np.linalg.eigh(rows.T @ rows)
        found = rows @ axes[:, :-3:-1]
    else:
        variances, sides = np.linalg.eigh(rows @ rows.T)
        found = sides[:, :-3:-1] * np.sqrt(np.maximum(variances[:-3:-1], 0.0))
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
