"""Number the rows so that near rows lie near each other: a cold search then reads few, longer ranges.

A recursive split: at each node the rows go left or right of the median along their direction of largest variance. The
directions are found among the leading principal components of a sample, which costs a thirtieth of the full space and
gives the same ranges (docs/decisions/builds.md).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32, F64

_LEAF: Final = 64
_COMPONENTS: Final = 32
_SAMPLE: Final = 4_096
_NODE_SAMPLE: Final = 256
_SQUARINGS: Final = 5  # of a node's covariance: what varies most so stands out by its 32nd power
_SPARE: Final = 8  # directions beside those that are wanted, and rounds: what the search for them needs to settle
_ROUNDS: Final = 3
_SEED: Final = 11


def near_order(vectors: F32) -> npt.NDArray[np.int64]:
    """Return a permutation of the rows of `vectors` (n, dimension), finite and of norms that float32 can square."""
    places = _project(vectors)
    order = np.arange(len(vectors))
    nodes = [(0, len(vectors))]
    while nodes:
        start, stop = nodes.pop()
        if stop - start <= _LEAF:
            continue
        part = places[start:stop]
        half = (stop - start) // 2
        split = np.argpartition(part @ _widest(part), half)
        order[start:stop] = order[start:stop].take(split)
        places[start:stop] = part.take(split, axis=0)
        nodes += [(start, start + half), (start + half, stop)]
    return order


def _project(vectors: F32) -> F32:
    rng = np.random.default_rng(_SEED)
    sample = vectors[rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)]
    places: F32 = vectors @ np.ascontiguousarray(_leading(sample, rng), np.float32)
    return places


def _leading(sample: F32, rng: np.random.Generator) -> F64:
    """Return about the leading principal components by subspace iteration: all of 4,096 would take a minute.

    After Halko, Martinsson and Tropp, "Finding structure with randomness" (SIAM Review 53, 2011), algorithm 4.4.
    """
    centred = _centred(sample)
    basis = rng.standard_normal((sample.shape[1], min(sample.shape[1], _COMPONENTS + _SPARE)))
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    seen = centred @ basis
    leading: F64 = basis @ np.linalg.eigh(seen.T @ seen)[1][:, -_COMPONENTS:]
    return leading


def _widest(part: F32) -> F32:
    """Return about the direction of largest variance: its eigenvectors would take three times as long."""
    centred = _centred(part[:: max(1, len(part) // _NODE_SAMPLE)])
    spread = centred.T @ centred
    for _ in range(_SQUARINGS):
        spread /= np.trace(spread) or 1.0  # where all rows are equal, any direction does
        spread = spread @ spread
    direction: F32 = spread[np.argmax(spread.diagonal())].astype(np.float32)
    return direction


def _centred(sample: F32) -> F64:
    centred: F64 = sample.astype(np.float64) - sample.mean(axis=0, dtype=np.float64)
    return centred
