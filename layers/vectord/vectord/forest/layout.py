"""The layout of the file that Annoy saves, and a check that such a file is sound.

A file is an array of nodes of one size, little-endian: first an item node for each row, then inner nodes, the
roots of the trees last. Taken from annoylib.h of Annoy 1.17 (structs `Angular::Node` and `Minkowski::Node`):

    angular    n_descendants int32 @0 | children int32[] or squared norm float32 @4 | vector float32[f] @12
    euclidean  n_descendants int32 @0 | offset float32 @4 | children int32[] @8     | vector float32[f] @16

An item has n_descendants 1. An inner node with at most `bucket` descendants lists their rows over `children` and
`vector`; one with more is a split with two children. Children are written before their parents.
"""

from functools import cached_property
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt

Buffer = bytes | memoryview | npt.NDArray[np.uint8]
Metric = Literal["angular", "euclidean"]

_CHECK_NODES: Final = 4_096  # inner nodes checked at a time, which bounds the memory of the check


class Layout(msgspec.Struct, frozen=True, dict=True):
    """The node layout for vectors of `dimension` float32 components under `metric`."""

    metric: Metric
    dimension: int

    @cached_property
    def children_offset(self) -> int:
        """The byte of a node at which an inner node's children start."""
        return 4 if self.metric == "angular" else 8

    @cached_property
    def vector_offset(self) -> int:
        """The byte of an item node at which its vector starts."""
        return 12 if self.metric == "angular" else 16

    @cached_property
    def node_size(self) -> int:
        """The bytes of a node."""
        return (12 if self.metric == "angular" else 16) + 4 * self.dimension

    @cached_property
    def bucket(self) -> int:
        """The most rows that a leaf lists."""
        return self.dimension + 2  # int32 values between `children_offset` and the end of the node

    def vectors(self, graph: Buffer, rows: int) -> npt.NDArray[np.float32]:
        """Return the item vectors as a strided (rows, dimension) view of `graph`, without a copy."""
        return np.ndarray(
            (rows, self.dimension), "<f4", buffer=graph, offset=self.vector_offset, strides=(self.node_size, 4)
        )

    def descendants(self, graph: Buffer) -> npt.NDArray[np.int32]:
        """Return each node's n_descendants as a strided view of `graph`."""
        return np.ndarray((len(graph) // self.node_size,), "<i4", buffer=graph, strides=(self.node_size,))

    def write_items(self, graph: np.memmap, vectors: npt.NDArray[np.float32]) -> None:
        """Write the item nodes of `vectors` (rows, dimension) to the start of `graph`, as Annoy's `add_item` does."""
        rows = len(vectors)
        self.descendants(graph)[:rows] = 1
        self.vectors(graph, rows)[:] = vectors
        if self.metric == "angular":
            norms: npt.NDArray[np.float32] = np.ndarray((rows,), "<f4", graph, 4, (self.node_size,))
            with np.errstate(over="ignore", under="ignore"):
                norms[:] = np.einsum("ij,ij->i", vectors, vectors)  # Annoy stores squared norms

    def check(self, graph: Buffer, rows: int) -> None:
        """Refuse a graph in which Annoy could read out of bounds or loop forever.

        Raises:
            BlobCorrupt: `graph` is not a forest over `rows` vectors of this dimension and metric.
        """
        nodes, rest = divmod(len(graph), self.node_size)
        if rest or nodes <= rows:
            raise BlobCorrupt(f"its graph of {len(graph):,} bytes is not a forest of {rows:,} rows of this dimension")
        descendants = self.descendants(graph)
        if not (descendants[:rows] == 1).all():
            raise BlobCorrupt("its graph has fewer item nodes than the envelope lists ids")
        if descendants[-1] != rows or descendants[rows:].min() < 1 or descendants.max() > rows:
            raise BlobCorrupt("its graph counts other rows than the envelope lists ids")
        for start in range(rows, nodes, _CHECK_NODES):
            self._check_inner(graph, rows, start, min(nodes, start + _CHECK_NODES))

    def _check_inner(self, graph: Buffer, rows: int, start: int, stop: int) -> None:
        children: npt.NDArray[np.int32] = np.ndarray(
            (stop - start, self.bucket),
            "<i4",
            buffer=graph,
            offset=start * self.node_size + self.children_offset,
            strides=(self.node_size, 4),
        )
        count = self.descendants(graph)[start:stop, None]
        leaf = count <= self.bucket
        used = np.arange(self.bucket) < np.where(leaf, count, 2)
        # A leaf points only at items and a split only backwards, so every path ends.
        limit = np.where(leaf, rows, np.arange(start, stop)[:, None])
        if (used & ((children < 0) | (children >= limit))).any():
            raise BlobCorrupt("its graph points outside itself")
