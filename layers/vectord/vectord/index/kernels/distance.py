"""Exact distances, computed in float64 from the stored float32 vectors.

cosine is 1 - cos, computed as |u - v|^2 / 2 of the unit vectors u and v: the same number, without the cancellation of
1 - cos for near vectors. euclidean is the L2 norm of the difference. The squares of all float32 are far inside the
range of float64, so no finite input over- or underflows.

The distance of a row is the same number, bit for bit, in whatever block, order or layout the rows are computed and on
whatever processor: pages of a search compare it with that of an earlier request. So each sum has a fixed order, of
eight partial sums, in native.c and in numpy. BLAS (`@`) adds in an order that depends on the processor.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import compiled
from vectord.lhv1.params import Distance, Params, wrong_length_reason

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_MAYBE_EQUAL: Final = 1e-9  # a row at a larger distance does not equal the query
_BLOCK: Final = 1 << 18  # float64 components at a time: 2 MB, about the size of the processor's caches
_LANES: Final = 8  # partial sums: component i is added to the sum i % 8


def as_float32(vector: F32 | F64) -> F32:
    """Return `vector` as float32; a component beyond its range becomes infinite: see `invalid_vector_reason`."""
    with np.errstate(over="ignore", invalid="ignore"):  # invalid: a signaling NaN
        return vector.astype(np.float32)


def invalid_vector_reason(vector: F32, params: Params) -> str | None:
    """Return why an index with these parameters cannot store or search for `vector`, or None if it can."""
    if len(vector) != params.dimension:
        return wrong_length_reason(len(vector), params.dimension)
    finite = np.isfinite(vector)
    if not finite.all():
        return f"vector component {int(np.argmin(finite))} is not finite as float32 (at most 3.4e38)"
    if params.distance == "cosine" and not vector.any():
        return "vector is zero (as float32), which has no direction for cosine distance"
    return None


def distances(vectors: F32, rows: npt.NDArray[np.int64] | None, query: F32, distance: Distance) -> F64:
    """Return the distance of each of `rows` (all if None) of `vectors` (n, dimension) to `query` (dimension,).

    A row that equals the query bit for bit is at exactly 0.0.

    Raises:
        BlobCorrupt: under cosine, one of the rows is zero.
    """
    count = len(vectors) if rows is None else len(rows)
    if compiled.native is not None and vectors.flags.aligned and vectors.strides[1] == vectors.itemsize:
        found = np.empty(count)
        if not compiled.native.distances(vectors, rows, query, distance == "cosine", found):
            raise _without_direction()
        return found
    step = max(1, _BLOCK // vectors.shape[1])
    if count <= step:
        return _block_distances(vectors if rows is None else vectors[rows], query, distance)
    out = np.empty(count)
    for start in range(0, count, step):
        stop = min(count, start + step)
        block = vectors[start:stop] if rows is None else vectors[rows[start:stop]]
        out[start:stop] = _block_distances(block, query, distance)
    return out


def norms(vectors: F32) -> F64:
    """Return the L2 norm of each row, as float64."""
    step = max(1, _BLOCK // vectors.shape[1])
    out = np.empty(len(vectors))
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step].astype(np.float64)
        out[start : start + step] = np.sqrt(np.einsum("ij,ij->i", block, block))
    return out


def normalized(query: F32) -> F32:
    """Scale `query` to length 1, which changes no cosine and keeps float32 arithmetic in range."""
    wide = query.astype(np.float64)
    scaled: F32 = (wide / np.sqrt(wide @ wide)).astype(np.float32)
    return scaled


def _block_distances(block: F32, query: F32, distance: Distance) -> F64:
    return _distances_to(block, query, _target(query, distance), distance)


def _target(query: F32, distance: Distance) -> F64:
    """Return a query (dimension,) as float64; of length 1 under cosine."""
    target: F64 = query.astype(np.float64)
    return target if distance == "euclidean" else target / np.sqrt(_sums_of_squares(target[None, :]))


def _distances_to(block: F32, query: F32, target: F64, distance: Distance) -> F64:
    """Return the distances of the rows of `block` to a query."""
    wide = block.astype(np.float64, order="C")
    if distance == "euclidean":
        wide -= target
        lengths: F64 = np.sqrt(_sums_of_squares(wide))
        return lengths
    lengths = np.sqrt(_sums_of_squares(wide))
    if not np.logical_and.reduce(lengths):
        raise _without_direction()
    wide /= lengths[:, None]
    wide -= target
    result: F64 = np.minimum(_sums_of_squares(wide) / 2, 2.0)
    if np.minimum.reduce(result, initial=1.0) < _MAYBE_EQUAL:
        result[(block == query).all(axis=1)] = 0.0
    return result


def _sums_of_squares(wide: F64) -> F64:
    """Return the sum of the squares of each row (n, dimension), added in the order of native.c."""
    squares, sums = wide * wide, np.zeros((len(wide), _LANES))
    for start in range(0, squares.shape[1], _LANES):
        part = squares[:, start : start + _LANES]
        sums[:, : part.shape[1]] += part
    pairs = sums[:, ::2] + sums[:, 1::2]
    halves: F64 = pairs[:, ::2] + pairs[:, 1::2]
    total: F64 = halves[:, 0] + halves[:, 1]
    return total


def _without_direction() -> BlobCorrupt:
    """Return the error for a zero vector under cosine, which writes refuse."""
    return BlobCorrupt("a vector of it has no direction")
