"""Small sections `parts`, with partitions that are drawn instead of computed."""

from typing import NamedTuple

import numpy as np

from tests.support.hostile import resealed_parts
from tests.support.vectors import F32
from vectord.index.sections.base import MemorySection
from vectord.index.sections.parts import Parts
from vectord.index.sections.parts_writer import Partitioning, pack
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import PartsLayout


class Case(NamedTuple):
    """Vectors in the order of their partitions, and the section over them."""

    vectors: F32
    partitioning: Partitioning
    distance: Distance
    data: bytes

    def opened(self, data: bytes | None = None) -> Parts:
        """Return the section, or one of the same counts with other bytes."""
        section = MemorySection(self.data if data is None else data)
        return Parts(section, *self.vectors.shape, self.distance, self.partitioning.shape)

    @property
    def layout(self) -> PartsLayout:
        return PartsLayout(self.vectors.shape[1], self.partitioning.shape.partitions)

    def rows_of(self, partition: int) -> list[int]:
        """Return the rows of the entries of a partition."""
        first, last = self.partitioning.first_entries[partition : partition + 2]
        return self.partitioning.entry_rows[first:last].tolist()

    def resealed(self, data: bytes | bytearray) -> bytes:
        """Return changed bytes with correct checksums."""
        return resealed_parts(data, self.layout, self.partitioning.first_entries.tolist())


def divided(
    vectors: F32, partitions: int, distance: Distance = "cosine", *, spilled: float = 0.5, seed: int = 0
) -> Case:
    """Divide the rows among `partitions`, some of which may be empty; a share `spilled` has a second entry."""
    dice = np.random.default_rng(seed)
    first = np.sort(dice.integers(0, partitions, len(vectors)))
    first_rows = np.searchsorted(first, np.arange(partitions + 1))
    second = (first + dice.integers(1, max(2, partitions), len(vectors))) % partitions
    has_second = (dice.random(len(vectors)) < spilled) & (second != first)
    entries = [
        np.concatenate([np.flatnonzero(first == number), np.flatnonzero(has_second & (second == number))])
        for number in range(partitions)
    ]
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None] if distance == "cosine" else vectors
    centroids = np.array([unit[each].mean(axis=0) if len(each) else unit[0] for each in entries], np.float32)
    bounds = np.cumsum([0, *map(len, entries)])
    partitioning = Partitioning(centroids, np.arange(len(vectors)), first_rows, np.concatenate(entries), bounds)
    return Case(vectors, partitioning, distance, bytes(pack(vectors, partitioning, distance)))
