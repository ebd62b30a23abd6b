"""Write the section `parts` from vectors and their partitions; docs/lhv1.md describes it byte by byte."""

import zlib
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import codes
from vectord.index.kernels.codes import Codes
from vectord.index.kernels.distance import F32
from vectord.index.kernels.hadamard import rotate
from vectord.index.sections.base import Bytes, write_array, write_crc32
from vectord.index.sections.parts_head import CRC32_FIELD, TOP_LEVEL
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import COUNTS, PartsLayout
from vectord.lhv1.parts_shape import PartsShape

Array = npt.NDArray[np.int64]


class Partitioning(msgspec.Struct, frozen=True, eq=False):
    """The partitions of n rows: k of them, with m entries.

    `centroids` (k, dimension) are of unit rows under cosine. `order` (n,) has the old number of each row: rows are
    numbered by primary partition, and `first_rows` (k + 1,) has the first row of each, and n. `entry_rows` (m,) has the
    row of each entry, in the order of the partitions; in each, first its primary rows, then the spilled ones, both
    ascending. `first_entries` (k + 1,) has the first entry of each partition, and m.
    """

    centroids: F32
    order: Array
    first_rows: Array
    entry_rows: Array
    first_entries: Array

    @property
    def shape(self) -> PartsShape:
        return PartsShape(len(self.centroids), len(self.entry_rows))


def pack(vectors: F32, partitioning: Partitioning, distance: Distance) -> memoryview:
    """Return the section of `vectors` (n, dimension), n >= 1, which are in their old order.

    The rows are finite, with norms that float32 can square.
    """
    rows, dimension = vectors.shape
    shape = partitioning.shape
    layout = PartsLayout(dimension, shape.partitions)
    mean = codes.mean_of(vectors, distance, partitioning.order)
    encoded = codes.encode(vectors, mean, distance, partitioning.order)
    largest = float(encoded.norms.max())
    section: Bytes = np.zeros(layout.size(shape.entries), np.uint8)
    checksums = _write_codes(section, layout, partitioning, encoded, largest)
    COUNTS.pack_into(section, 0, rows, shape.partitions, shape.entries, 0, largest)
    scales, norms, levels = _quantized(partitioning.centroids - mean)
    for offset, values in (
        (layout.mean, mean.astype("<f4")),
        (layout.first_rows, partitioning.first_rows.astype("<u4")),
        (layout.first_entries, partitioning.first_entries.astype("<u4")),
        (layout.checksums, checksums),
        (layout.scales, scales.astype("<f4")),
        (layout.norms, norms.astype("<f4")),
        (layout.levels, levels),
    ):
        write_array(section, offset, values)
    write_crc32(section[: layout.codes], CRC32_FIELD)
    return memoryview(section)


def _write_codes(
    section: Bytes, layout: PartsLayout, partitioning: Partitioning, encoded: Codes, largest: float
) -> npt.NDArray[np.uint32]:
    """Write the entries of all partitions; return the checksum of each, uint32 (partitions,)."""
    words = encoded.words.astype("<u8", copy=False)
    norms = (encoded.norms / np.float32(largest or 1.0)).astype("<f2")
    factors = encoded.factors.astype("<f2")
    bounds = partitioning.first_entries.tolist()
    checksums = np.empty(layout.partitions, "<u4")
    for number, (first, last) in enumerate(pairwise(bounds)):
        rows = partitioning.entry_rows[first:last]
        start, stop = layout.codes_range(first, last)
        fields = (words[rows].T, norms[rows], factors[rows], rows.astype("<u4"))
        section[start:stop] = np.frombuffer(b"".join(field.tobytes() for field in fields), np.uint8)
        checksums[number] = zlib.crc32(section[start:stop])
    return checksums


def _quantized(offsets: F32) -> tuple[F32, F32, Bytes]:
    """Return the centroids, less the mean, as scales (k,), norms (k,) and packed levels, uint8 (k, level bytes).

    A component is scale * (level - 7.5), after the rotation.
    """
    rotated = rotate(offsets)
    half = np.float32(TOP_LEVEL / 2)
    scales = (np.abs(rotated).max(axis=1) / half).astype(np.float32)
    norms: F32 = np.sqrt(np.vecdot(rotated, rotated))
    steps = rotated / np.where(scales > 0, scales, 1)[:, None]
    levels = np.zeros((len(rotated), -(-rotated.shape[1] // 2) * 2), np.uint8)
    levels[:, : rotated.shape[1]] = np.clip(np.rint(steps + half), 0, TOP_LEVEL)
    return scales, norms, levels[:, ::2] | levels[:, 1::2] << 4
