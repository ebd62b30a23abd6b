"""The fixed rotation of vectors before their signs become codes: random sign flips and Hadamard transforms.

It needs no stored matrix. Each of two rounds flips signs and then transforms p components, where p is the largest power
of two up to the dimension: the first p in the first round, the last p in the second. The signs are bits of SHAKE-256,
so that any language can compute them. On text embeddings it is as good as a dense random rotation at a fraction of the
work (docs/decisions/search.md). After Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform" (SIAM J. Comput.
39, 2009).
"""

from functools import cache

import numpy as np

from vectord.index.kernels.distance import F32
from vectord.lhv1.parts_layout import ROUNDS, signs


def rotate(vectors: F32) -> F32:
    """Return `vectors` (n, dimension) rotated; lengths and angles stay as they are, up to rounding."""
    dimension = vectors.shape[1]
    width = 1 << (dimension.bit_length() - 1)
    rotated = vectors
    if len(vectors) == 1:
        return _rotate_one(vectors[0], width)[None, :]
    for number in range(ROUNDS):
        rotated = rotated * _signs(dimension, number)
        part = rotated[:, :width] if number % 2 == 0 else rotated[:, dimension - width :]
        part[...] = _transform(part)
    return rotated


def _rotate_one(vector: F32, width: int) -> F32:
    """Return the same for one vector, with half of the calls: a search rotates its query."""
    low = 1 << (width.bit_length() // 2)
    rotated = vector
    for number in range(ROUNDS):
        rotated = rotated * _signs(len(vector), number)
        part = rotated[:width] if number % 2 == 0 else rotated[len(vector) - width :]
        part[:] = (_hadamard(width // low) @ (part.reshape(-1, low) @ _hadamard(low))).reshape(-1)
    return rotated


def _transform(part: F32) -> F32:
    """Return the Hadamard transform of each row, as the product of two small ones: H(ab) = H(a) x H(b)."""
    rows, width = part.shape
    low = 1 << (width.bit_length() // 2)
    blocks = np.ascontiguousarray(part).reshape(rows * width // low, low) @ _hadamard(low)
    transformed: F32 = np.matmul(_hadamard(width // low), blocks.reshape(rows, width // low, low))
    return transformed.reshape(rows, width)


@cache
def _hadamard(order: int) -> F32:
    """Return the orthonormal Hadamard matrix of this order, in Sylvester's construction."""
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < order:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.float32(np.sqrt(order))


@cache
def _signs(dimension: int, number: int) -> F32:
    """Return the pseudo-random signs of round `number`, float32 (dimension,) of 1 and -1."""
    found: F32 = np.asarray(signs(dimension))[number]
    return found
