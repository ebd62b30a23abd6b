"""Codes: one bit a dimension of a vector, by which a search ranks rows without reading their vectors.

The residual of a vector is its difference from the mean of all rows, rotated (`hadamard.rotate`); under cosine the
vector is scaled to length 1 first. The code has the signs of the residual. Two numbers more, the norm of the residual
and the factor, allow an unbiased estimate of a distance. The factor is the cosine between the residual and its signs:
<residual / norm, signs> / sqrt(dimension). After Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a
theoretical error bound for approximate nearest neighbor search" (SIGMOD 2024).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.kernels.distance import F32, F64, normalized
from vectord.index.kernels.hadamard import rotate
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import signs
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
I32 = npt.NDArray[np.int32]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.floating]

_BLOCK: Final = 2_048  # rows rotated at a time, so that they stay in the processor's caches
_WORDS_IN_UINT8: Final = 3  # words whose bits uint8 can count
_FIRST: Final = np.ones(1, np.bool_)
_LEVEL_BITS: Final = 5  # of a component of the query in an estimate; more give no better recall


class Codes(msgspec.Struct, frozen=True, eq=False):
    """The codes of n vectors: words uint64 (n, dimension / 64 rounded up), norms and factors float32 (n,).

    Bit b of word w is 1 if component 64 * w + b of the residual is positive. The factor of a residual of zero is 1.
    """

    words: U64
    norms: F32
    factors: F32


class RowCodes(msgspec.Struct, frozen=True, eq=False):
    """The codes of n rows in planes, uint64 (words, n), as searches compare them; norms and factors float32 (n,).

    Planes that are views of a section are read-only: `hamming_distances` overwrites its planes, so it needs a copy.
    """

    planes: U64
    norms: F32
    factors: F32

    @property
    def count(self) -> int:
        return len(self.norms)


class RotatedQuery(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The residual of a query vector, float32 (dimension,), about the same mean as the codes.

    `target` is the query vector, of length 1 under cosine.
    """

    residual: F32
    target: F32

    @cached_property
    def words(self) -> U64:
        """The code of the query, uint64 (words,)."""
        bits = self.residual > 0
        whole_words = len(bits) % 64 == 0
        words: U64 = np.packbits(bits, bitorder="little").view("<u8") if whole_words else _words_of(bits[None, :])[0]
        return words

    @cached_property
    def levels(self) -> "_Levels":
        """The residual in whole steps."""
        return _levels(self.residual)


class _Levels(msgspec.Struct, frozen=True, eq=False):
    """A residual as lowest + step * level for each component; plane j, uint64 (words,), has bit j of each level."""

    lowest: float
    step: float
    planes: U64
    total: float  # the sum of all components


def mean_of(vectors: F32, distance: Distance, order: Array | None = None) -> F32:
    """Return the mean of the rows, float32 (dimension,); of unit rows under cosine. They are added in `order`."""
    totals = np.empty((-(-len(vectors) // _BLOCK), vectors.shape[1]))

    def add(number: int) -> None:
        totals[number] = _scaled(_block(vectors, order, number * _BLOCK), distance).sum(axis=0, dtype=np.float64)

    in_two_threads(add, range(len(totals)))
    mean: F32 = (totals.sum(axis=0) / len(vectors)).astype(np.float32)
    return mean


def encode(vectors: F32, mean: F32, distance: Distance, order: Array | None = None) -> Codes:
    """Return the codes of `vectors` (n, dimension) about `mean`; in `order`, which lists rows, if it is given.

    Two threads compute them block by block.
    """
    count, dimension = vectors.shape
    words = np.empty((count, -(-dimension // 64)), np.uint64)
    norms, factors = np.empty(count, np.float32), np.ones(count, np.float32)

    def encode_block(start: int) -> None:
        block = slice(start, start + _BLOCK)
        if compiled.native is not None:
            some = np.asarray(_block(vectors, order, start), np.float32)
            outputs = words[block], norms[block], factors[block]
            compiled.native.encode(some, mean, signs(dimension), distance == "cosine", *outputs)
            return
        residuals = rotate(_scaled(_block(vectors, order, start), distance) - mean)
        words[block] = _words_of(residuals > 0)
        norms[block] = np.sqrt(np.vecdot(residuals, residuals))
        scale = norms[block] * np.float32(np.sqrt(dimension))
        np.divide(np.abs(residuals).sum(axis=1), scale, out=factors[block], where=scale > 0)

    in_two_threads(encode_block, range(0, count, _BLOCK))
    return Codes(words, norms, factors)


def in_planes(encoded: Codes) -> RowCodes:
    """Return the codes of vectors in planes."""
    return RowCodes(np.ascontiguousarray(encoded.words.T), encoded.norms, encoded.factors)


def joined(parts: Sequence[RowCodes]) -> RowCodes:
    """Return the codes of several lists of rows, at least one, as those of one list."""
    return RowCodes(
        np.concatenate([each.planes for each in parts], axis=1),
        np.concatenate([each.norms for each in parts]),
        np.concatenate([each.factors for each in parts]),
    )


def rotated_query(query: F32, mean: F32, distance: Distance) -> RotatedQuery:
    """Return the residual of a query (dimension,)."""
    if compiled.native is not None:
        target, residual = np.empty(len(query), np.float32), np.empty(len(query), np.float32)
        compiled.native.rotate_query(query, mean, signs(len(query)), distance == "cosine", target, residual)
        return RotatedQuery(residual, target)
    target = normalized(query) if distance == "cosine" else query
    return RotatedQuery(rotate((target - mean)[None, :])[0], target)


def rotated_queries(queries: Sequence[F32], mean: F32, distance: Distance) -> list[RotatedQuery]:
    """Return the residual of each query (dimension,); numpy takes one rotation for all."""
    if compiled.native is not None:
        return [rotated_query(query, mean, distance) for query in queries]
    targets = np.array([normalized(query) if distance == "cosine" else query for query in queries])
    return [RotatedQuery(*each) for each in zip(rotate(targets - mean), targets, strict=True)]


def hamming_distances(planes: U64, query: RotatedQuery) -> U16:
    """Return in how many bits each code differs from the query's; `planes`, uint64 (words, n), are overwritten."""
    return hamming_distances_to(planes, query.words)


def hamming_distances_to(planes: U64, code: U64) -> U16:
    """Return in how many bits each code differs from another one; `planes`, uint64 (words, n), are overwritten."""
    np.bitwise_xor(planes, code[:, None], out=planes)
    return _summed(np.bitwise_count(planes))


def estimated_distances(planes: U64, norms: Floats, factors: Floats, query: RotatedQuery) -> F64:
    """Estimate for each code the squared distance to the query, less the squared norm of the query's residual.

    `planes` are uint64 (words, n), `norms` and `factors` (n,).
    """
    sums = sums_of_levels(planes, query.levels.planes)
    return estimates_of_sums(_summed(np.bitwise_count(planes)), sums, norms, factors, query)


def sums_of_levels(planes: U64, levels: U64) -> I32:
    """Return for each code the sum of the levels of the components whose bit is 1.

    `planes` are uint64 (words, n), and `levels` (bits, words) have bit j of each level in plane j.
    """
    sums = np.zeros(planes.shape[1], np.int32)
    masked = np.empty_like(planes)
    for number, plane in enumerate(levels):
        np.bitwise_and(planes, plane[:, None], out=masked)
        sums += _summed(np.bitwise_count(masked)).astype(np.int32) << number
    return sums


def estimates_of_sums(ones: U16, sums: I32, norms: Floats, factors: Floats, query: RotatedQuery) -> F64:
    """Return what `estimated_distances` does, from the number of ones in each code, and the sum of levels at them."""
    levels = query.levels
    products = 2 * (levels.lowest * ones + levels.step * sums) - levels.total  # <signs, residual of the query>
    wide = norms.astype(np.float64, copy=False)
    estimates: F64 = wide * (wide - products * (2 / np.sqrt(len(query.residual))) / factors)
    return estimates


def least_different(differing: U16, rows: U32, count: int, most: int) -> Array:
    """Return the distinct rows, ascending, of the `count` smallest values up to `most`, with ties."""
    limit = most
    if count < len(differing):
        ordered = differing.astype(np.uint32)  # of 16 bits, few processors select in registers
        ordered.partition(count - 1)
        limit = min(limit, int(ordered[count - 1]))
    near = rows[differing <= limit].astype(np.int64)
    near.sort()
    distinct: Array = near[np.concatenate((_FIRST[: len(near)], near[1:] != near[:-1]))]
    return distinct


def _block(vectors: F32, order: Array | None, start: int) -> F32:
    block = slice(start, start + _BLOCK)
    return vectors[block] if order is None else vectors[order[block]]


def _scaled(vectors: F32, distance: Distance) -> F32:
    """Scale the rows to length 1 under cosine; return them as they are under euclidean."""
    if distance == "euclidean":
        return vectors
    scaled: F32 = vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return scaled


def _words_of(bits: npt.NDArray[np.bool_]) -> U64:
    """Pack bits (n, dimension) into words, uint64 (n, words)."""
    count, dimension = bits.shape
    packed = np.zeros((count, 8 * -(-dimension // 64)), np.uint8)
    packed[:, : -(-dimension // 8)] = np.packbits(bits, axis=1, bitorder="little")
    words: U64 = packed.view("<u8")
    return words


def _summed(counts: U8) -> U16:
    """Return the sums over the words of bit counts, uint8 (words, n)."""
    if len(counts) <= _WORDS_IN_UINT8:
        return counts.sum(axis=0, dtype=np.uint8).astype(np.uint16)
    return counts.sum(axis=0, dtype=np.uint16)


def _levels(residual: F32) -> _Levels:
    top = (1 << _LEVEL_BITS) - 1
    lowest, highest = float(residual.min()), float(residual.max())
    step = (highest - lowest) / top or 1.0
    levels = np.rint((residual - lowest) / step).astype(np.uint8)
    planes = np.array([_words_of((levels >> number & 1).astype(bool)[None, :])[0] for number in range(_LEVEL_BITS)])
    return _Levels(lowest, step, planes, float(residual.sum(dtype=np.float64)))
