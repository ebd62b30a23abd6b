"""The functions of native.c. Arrays are aligned, and contiguous except between rows; outputs are the last arguments.

Two of them are called before numpy is imported, with other buffers of the same types.
"""

from collections.abc import Buffer
from typing import Any

import numpy as np
import numpy.typing as npt

_F32 = npt.NDArray[np.float32]
_F64 = npt.NDArray[np.float64]
_I64 = npt.NDArray[np.int64]
_Counts = npt.NDArray[Any]  # uint8, uint16 or uint32
_Mask = npt.NDArray[np.bool_]

def rotate_query(
    query: Buffer, mean: Buffer, signs: Buffer, is_cosine: bool, target: Buffer, residual: Buffer, /
) -> None: ...
def rank(
    levels: Buffer,
    scales: Buffer,
    norms: Buffer,
    mean: Buffer,
    signs: Buffer,
    residual: Buffer,
    is_cosine: bool,
    allowed: _Mask | None,
    ranked: Buffer,
    /,
) -> int: ...
def choose(
    matrix: _F32,
    offsets: _F32,
    residual: _F32,
    levels: npt.NDArray[np.int16],
    step: float,
    directions: _F32,
    allowed: _Mask | None,
    considered: int,
    chosen: _I64,
    /,
) -> int: ...
def least_different(
    section: npt.NDArray[np.uint8],
    starts: _I64,
    first_entries: _I64,
    partitions: _I64,
    residual: _F32,
    hidden: _Mask | None,
    count: int,
    /,
) -> bytes: ...
def document_spans(
    section: npt.NDArray[np.uint8], directory: int, blocks: int, count: int, rows: _I64, /
) -> bytes | None: ...
def range_numbers(
    rows: _I64, by_row: _I64, row_bytes: int, reach: int, page: int, numbers: _I64, costs: _I64, /
) -> None: ...
def nearest(
    vectors: _F32,
    norms: _F32,
    rows: _I64,
    query: _F32,
    target: _F32,
    k: int,
    is_cosine: bool,
    near: _I64,
    distances: _F64,
    /,
) -> int: ...
def distances(vectors: _F32, rows: _I64 | None, query: _F32, is_cosine: bool, found: _F64, /) -> bool: ...
def compare(
    section: npt.NDArray[np.uint8],
    starts: _I64,
    first_entries: _I64,
    partitions: _I64,
    code: npt.NDArray[np.uint64],
    levels: npt.NDArray[np.uint64] | None,
    rows: npt.NDArray[np.uint32],
    norms: npt.NDArray[np.float16],
    factors: npt.NDArray[np.float16],
    differing: npt.NDArray[np.uint16],
    sums: npt.NDArray[np.int32],
    /,
) -> None: ...
def assign(
    few: _F32,
    rest: _F32,
    squares: _F32,
    centroids: _F32,
    halves: _F32,
    products: _F32 | None,
    wanted: int,
    wanted_second: int,
    penalty: float,
    no_residual: float,
    first: _I64,
    least: _F32,
    second: _I64,
    /,
) -> None: ...
def likely_lists(
    read: _Mask,
    places: _I64,
    rows: npt.NDArray[np.uint32],
    values: _F64,
    least: _F64,
    most: int,
    ks: _I64,
    lists: _I64,
    counts: _I64,
    /,
) -> None: ...
def reached(
    ranked: _I64,
    starts: _I64,
    probes: _I64,
    least_gap: int,
    gap_of_a_probe: int,
    most: int,
    requests: int,
    read: _Mask,
    /,
) -> None: ...
def encode(
    vectors: _F32,
    mean: _F32,
    signs: Buffer,
    is_cosine: bool,
    words: npt.NDArray[np.uint64],
    norms: _F32,
    factors: _F32,
    /,
) -> None: ...
def add_scores(
    rows: _I64, counts: _Counts | None, lengths: _Counts, weight: float, average: float, scores: _F64, /
) -> None: ...
