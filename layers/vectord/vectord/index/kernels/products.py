"""Inner products of many rows with many others, computed in the calling thread.

If OpenBLAS has one thread (`one_blas_thread`), a product is one call. Otherwise it is divided into tiles of at most
262,144 multiplications, which OpenBLAS computes in the calling thread whatever its number of threads is. Tiles have
other bits and take about 1.6 times as long.
"""

from typing import Final

import numpy as np

from vectord.index.kernels.blas import has_one_thread
from vectord.index.kernels.distance import F32

_MULTIPLICATIONS: Final = 1 << 18  # OpenBLAS 0.3: SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD
_LONG: Final = 256  # from this dimension on, a tile of 16 rows is faster than one of 64
_LONGEST: Final = 512  # components at a time; with more, the tiles have too few columns


def products(rows: F32, others: F32) -> F32:
    """Return the inner products of `rows` (n, dimension) with `others` (m, dimension), float32 (n, m)."""
    if has_one_thread():
        product: F32 = rows @ others.T
        return product
    dimension = rows.shape[1]
    width = -(-dimension // -(-dimension // _LONGEST))  # parts of about equal sizes
    out = _in_tiles(rows[:, :width], others[:, :width])
    for start in range(width, dimension, width):
        part = slice(start, start + width)
        out += _in_tiles(rows[:, part], others[:, part])
    return out


def _in_tiles(rows: F32, others: F32) -> F32:
    dimension = rows.shape[1]
    height = 16 if dimension >= _LONG else 64
    width = max(1, _MULTIPLICATIONS // (height * dimension))
    out = np.empty((len(rows), len(others)), np.float32)
    for part in _parts(len(rows), height):
        for other_part in _parts(len(others), width):
            _fill_tiles(out[part, other_part], rows[part], others[other_part], (height, width))
    return out


def _parts(count: int, step: int) -> list[slice]:
    """Return the part of `count` that whole steps cover, and the rest."""
    whole = count - count % step
    return [part for part in (slice(0, whole), slice(whole, count)) if part.start < part.stop]


def _fill_tiles(out: F32, rows: F32, others: F32, tile: tuple[int, int]) -> None:
    """Set `out` (n, m) to the products; n and m are multiples of the tile's sides, or less than them."""
    height, width = min(tile[0], len(rows)), min(tile[1], len(others))
    tiles = out.reshape(-1, height, out.shape[1] // width, width, copy=False)
    left = rows.reshape(1, -1, height, rows.shape[1])
    right = others.reshape(-1, 1, width, others.shape[1])
    np.matmul(left, right.transpose(0, 1, 3, 2), out=tiles.transpose(2, 0, 1, 3))
