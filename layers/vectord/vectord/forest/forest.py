"""Annoy's forest: the layout of Annoy's file, a check of its structure, building, loading and searching.

A file is an array of nodes of one size, little-endian: first an item node for each row, then inner nodes, the
roots of the trees last. The layout is from annoylib.h of Annoy 1.17 (structs `Angular::Node` and `Minkowski::Node`):

    angular    n_descendants int32 @0 | children int32[] or squared norm float32 @4 | vector float32[f] @12
    euclidean  n_descendants int32 @0 | offset float32 @4 | children int32[] @8     | vector float32[f] @16

An item has n_descendants 1. An inner node with at most `bucket` descendants lists their rows over `children` and
`vector`; one with more is a split with two children. Children are written before their parents.

Annoy is imported when the first forest is built or loaded, because few searches need one.
"""

from functools import cache, cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt

if TYPE_CHECKING:
    import annoy

F32 = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]
Buffer = bytes | memoryview | npt.NDArray[np.uint8]
Metric = Literal["angular", "euclidean"]


class Vectors(Protocol):
    """Vectors (n, dimension) that are read in parts: an array, or products that are computed then."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Order | slice, /) -> F32: ...


SEED: Final = 20_240_229  # a constant, so that equal rows in equal order give an equal file
_ITEMS: Final = 4_096  # items written at a time
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

    def children(self, graph: Buffer) -> npt.NDArray[np.int32]:
        """Return the children of each inner node, the first ones of (nodes, bucket), as a strided view of `graph`."""
        nodes = len(graph) // self.node_size
        return np.ndarray((nodes, self.bucket), "<i4", graph, self.children_offset, (self.node_size, 4))

    def vectors(self, graph: Buffer, rows: int) -> npt.NDArray[np.float32]:
        """Return the item vectors as a strided (rows, dimension) view of `graph`, without a copy."""
        return np.ndarray(
            (rows, self.dimension), "<f4", buffer=graph, offset=self.vector_offset, strides=(self.node_size, 4)
        )

    def descendants(self, graph: Buffer) -> npt.NDArray[np.int32]:
        """Return each node's n_descendants as a strided view of `graph`."""
        return np.ndarray((len(graph) // self.node_size,), "<i4", buffer=graph, strides=(self.node_size,))

    def take(self, graph: Buffer, rows: int, taken: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return a copy of the vectors of the items `taken`, of `rows` items; raise BlobCorrupt as `check_items`."""
        self.check_items(graph, rows, taken)
        vectors: npt.NDArray[np.float32] = self.vectors(graph, rows)[taken]
        return vectors

    def check_items(self, graph: Buffer, rows: int, checked: "npt.NDArray[np.int64] | slice" = slice(None)) -> None:
        """Refuse a graph whose nodes `checked`, of `rows` items, are not items.

        Raises:
            BlobCorrupt: one is not. In a forest of another dimension or metric, these bytes are not counts of items.
        """
        if (self.descendants(graph)[:rows][checked] != 1).any():
            raise BlobCorrupt(f"its graph is not a forest of {rows:,} rows of this dimension")

    def write_items(self, graph: Buffer, vectors: Vectors, order: Order | None = None) -> None:
        """Write the item nodes of `vectors` (rows, dimension) to the start of `graph`, as Annoy's `add_item` does.

        The nodes are in `order`, which lists row numbers, if it is given.
        """
        rows = len(vectors)
        self.descendants(graph)[:rows] = 1
        items = self.vectors(graph, rows)
        norms: F32 = np.ndarray((rows,), "<f4", graph, 4, (self.node_size,))
        for start in range(0, rows, _ITEMS):
            part = slice(start, start + _ITEMS)
            items[part] = block = vectors[part if order is None else order[part]]
            if self.metric == "angular":
                with np.errstate(over="ignore", under="ignore"):
                    norms[part] = np.einsum("ij,ij->i", block, block)  # Annoy stores squared norms

    def check(self, graph: Buffer, rows: int) -> None:
        """Refuse a graph in which Annoy could read out of bounds or loop forever.

        Raises:
            BlobCorrupt: `graph` is not a forest over `rows` vectors of this dimension and metric.
        """
        nodes, rest = divmod(len(graph), self.node_size)
        if rest or nodes <= rows:
            raise BlobCorrupt(f"its graph of {len(graph):,} bytes is not a forest of {rows:,} rows of this dimension")
        self.check_items(graph, rows)
        descendants = self.descendants(graph)
        if descendants[-1] != rows or descendants[rows:].min() < 1 or descendants.max() > rows:
            raise BlobCorrupt("its graph counts other rows than the envelope lists ids")
        for start in range(rows, nodes, _CHECK_NODES):
            self._check_inner(graph, rows, start, min(nodes, start + _CHECK_NODES))

    def _check_inner(self, graph: Buffer, rows: int, start: int, stop: int) -> None:
        children = self.children(graph)[start:stop]
        count = self.descendants(graph)[start:stop, None]
        leaf = count <= self.bucket
        used = np.arange(self.bucket) < np.where(leaf, count, 2)
        # A leaf lists only item nodes, and a split has only earlier nodes as children, so no path is endless.
        limit = np.where(leaf, rows, np.arange(start, stop)[:, None])
        if (used & ((children < 0) | (children >= limit))).any():
            raise BlobCorrupt("a node of its graph has a child that is out of range")


class Trees(msgspec.Struct, frozen=True, eq=False):
    """The trees of one Annoy index, built or loaded."""

    _annoy: "annoy.AnnoyIndex"

    @property
    def count(self) -> int:
        return int(self._annoy.get_n_trees())

    def candidates(self, query: npt.NDArray[np.float32], n: int, effort: int) -> npt.NDArray[np.int64]:
        """Return up to `n` rows near `query`, found by looking at about `effort` rows (Annoy's search_k)."""
        return np.array(self._annoy.get_nns_by_vector(query.tolist(), n, effort), np.int64)


def load(graph: npt.NDArray[np.uint8], layout: Layout, path: Path | None = None) -> Trees:
    """Load the trees of `graph`, whose checksum and structure the caller has verified.

    Annoy maps the file `path`, which contains exactly `graph`, or else a temporary file. That file is unlinked at once:
    the mapping keeps its bytes, and no crash can leave it behind.
    """
    import tempfile  # noqa: PLC0415  imports shutil and random

    import annoy  # noqa: PLC0415  a large library

    forest = annoy.AnnoyIndex(layout.dimension, layout.metric)
    if path is not None:
        forest.load(str(path))
        return Trees(forest)
    with tempfile.NamedTemporaryFile(prefix="vectord-graph-") as file:
        file.write(graph.data)
        file.flush()
        forest.load(file.name)
    return Trees(forest)


def build(vectors: Vectors, layout: Layout, trees: int, order: Order | None = None) -> tuple[memoryview, Trees]:
    """Build a forest of `trees` over `vectors` (rows, dimension), rows >= 1; return Annoy's file and the loaded trees.

    Both map a file that is already unlinked: a copy in memory would double the memory of a large build. The items are
    numbered in `order`, which lists rows, if it is given. One thread builds, because a parallel build numbers the nodes
    in random order, and equal rows should give equal bytes. All item nodes are written at once, 20 times as fast as by
    Annoy's `add_item`.
    """
    import tempfile  # noqa: PLC0415  imports shutil and random

    import annoy  # noqa: PLC0415  a large library

    with tempfile.TemporaryDirectory(prefix="vectord-build-") as folder:
        path = Path(folder, "graph.ann")
        forest = annoy.AnnoyIndex(layout.dimension, layout.metric)
        forest.set_seed(SEED)
        forest.on_disk_build(str(path))
        if bulk_load_works(layout.metric):
            _write_items_in_bulk(forest, path, vectors, layout, order)
        else:
            _add_items(forest, vectors[slice(None) if order is None else order])
        forest.build(trees, n_jobs=1)
        return mapped_file(path), Trees(forest)


def mapped_file(path: Path) -> memoryview:
    """Map a file as read-only memory."""
    with path.open("rb") as file:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


@cache
def bulk_load_works(metric: str) -> bool:
    """Return True if the installed Annoy writes item nodes as `Layout` does; compare once with Annoy's `add_item`."""
    import tempfile  # noqa: PLC0415  imports shutil and random

    import annoy  # noqa: PLC0415  a large library

    layout = Layout("angular" if metric == "angular" else "euclidean", 3)
    vectors = np.array([[1, 2, 2], [0, -3, 4]], np.float32)
    files = []
    with tempfile.TemporaryDirectory(prefix="vectord-build-") as folder:
        for name in ("plain", "bulk"):
            path = Path(folder, name)
            forest = annoy.AnnoyIndex(layout.dimension, layout.metric)
            forest.on_disk_build(str(path))
            if name == "bulk":
                _write_items_in_bulk(forest, path, vectors, layout)
            else:
                _add_items(forest, vectors)
            forest.build(1, n_jobs=1)
            forest.unload()
            files.append(path.read_bytes()[: len(vectors) * layout.node_size])
    return files[0] == files[1]


def _add_items(forest: "annoy.AnnoyIndex", vectors: F32) -> None:
    for row, vector in enumerate(vectors):
        forest.add_item(row, vector.tolist())


def _write_items_in_bulk(
    forest: "annoy.AnnoyIndex", path: Path, vectors: Vectors, layout: Layout, order: Order | None = None
) -> None:
    forest.add_item(len(vectors) - 1, [0.0] * layout.dimension)  # Annoy allocates all item nodes up to this one
    graph = np.memmap(path, np.uint8, "r+")
    layout.write_items(graph, vectors, order)
