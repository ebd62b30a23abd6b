"""The locality order: number rows so that near vectors are near in the file, and a cold search reads few long ranges.

The rows are split recursively: each node splits its rows at the median along their direction of largest variance. The
directions are found among the leading principal components of a sample, which costs a thirtieth of the full space and
gives the same ranges (docs/decisions/builds.md).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32, F64

_LEAF: Final = 64  # rows that are not split further
_COMPONENTS: Final = 32
_SAMPLE: Final = 4_096  # rows for the principal components
_NODE_SAMPLE: Final = 256  # rows for a node's direction
_SQUARINGS: Final = 5  # of a node's covariance: its 32nd power is dominated by the direction of largest variance
_OVERSAMPLING: Final = 8  # extra directions of the subspace iteration
_ITERATIONS: Final = 3
_SEED: Final = 11


def locality_order(vectors: F32) -> npt.NDArray[np.int64]:
    """Return a permutation of the rows of `vectors` (n, dimension).

    The vectors are finite, with norms that float32 can square.
    """
    projected = _project(vectors)
    order = np.arange(len(vectors))
    nodes = [(0, len(vectors))]
    while nodes:
        start, stop = nodes.pop()
        if stop - start <= _LEAF:
            continue
        part = projected[start:stop]
        half = (stop - start) // 2
        split = np.argpartition(part @ _widest_direction(part), half)
        order[start:stop] = order[start:stop].take(split)
        projected[start:stop] = part.take(split, axis=0)
        nodes += [(start, start + half), (start + half, stop)]
    return order


def _project(vectors: F32) -> F32:
    """Project the rows on their leading principal components, float32 (n, components)."""
    rng = np.random.default_rng(_SEED)
    sample = vectors[rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)]
    projected: F32 = vectors @ np.ascontiguousarray(_principal_components(sample, rng), np.float32)
    return projected


def _principal_components(sample: F32, rng: "np.random.Generator") -> F64:
    """Approximate the leading principal components by subspace iteration; all 4,096 components would take a minute.

    After Halko, Martinsson and Tropp, "Finding structure with randomness" (SIAM Review 53, 2011), algorithm 4.4.
    """
    centred = _centred(sample)
    basis = rng.standard_normal((sample.shape[1], min(sample.shape[1], _COMPONENTS + _OVERSAMPLING)))
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    projected = centred @ basis
    leading: F64 = basis @ np.linalg.eigh(projected.T @ projected)[1][:, -_COMPONENTS:]
    return leading


def _widest_direction(part: F32) -> F32:
    """Approximate the direction of largest variance; exact eigenvectors would take three times as long."""
    centred = _centred(part[:: max(1, len(part) // _NODE_SAMPLE)])
    covariance = centred.T @ centred
    for _ in range(_SQUARINGS):
        covariance /= np.trace(covariance) or 1.0  # 1.0 if all rows are equal; then every direction is right
        covariance = covariance @ covariance
    direction: F32 = covariance[np.argmax(covariance.diagonal())].astype(np.float32)
    return direction


def _centred(sample: F32) -> F64:
    centred: F64 = sample.astype(np.float64) - sample.mean(axis=0, dtype=np.float64)
    return centred
