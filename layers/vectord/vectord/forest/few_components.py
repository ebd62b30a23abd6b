"""Build the trees of many vectors over few components, and write them as trees over all components.

A split of a tree compares a product of its normal with an offset. A normal `n` in the space of some orthonormal
directions is `directions @ n` among all components, and has the same products with the vectors. So Annoy builds over
the products of the vectors with the leading directions. Its file, which it reads in random order, has a quarter of the
bytes for 384 components, and searches find as much (docs/decisions/builds.md).

Annoy's leaves have as many rows as there are components. The small ones that it builds are joined to those of the file.
"""

from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.forest import forest
from vectord.forest.forest import F32, Buffer, Layout, Metric, Order, Trees, Vectors

_COMPONENTS: Final = 96
_MIN_DIMENSION: Final = 192  # with fewer components, less is saved
_MIN_ROWS: Final = 1 << 15
_SAMPLE: Final = 4_096  # rows, of which the directions are computed
_PASSES: Final = 3  # of the power iteration
_LEAST_SHARE: Final = 0.5  # of the squared lengths; with less, the directions separate the rows less well than others
_NODES: Final = 4_096  # written at a time
_SEED: Final = 5


class Products(msgspec.Struct, frozen=True, eq=False):
    """The products of `vectors` (n, dimension) with `directions` (dimension, m), computed when they are read."""

    vectors: Vectors
    directions: F32

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: Order | slice) -> F32:
        products: F32 = self.vectors[rows] @ self.directions
        return products


def build(vectors: F32, layout: Layout, trees: int, order: Order | None = None) -> tuple[memoryview, Trees]:
    """Do the same as `forest.build`, over few components if the trees of these vectors can be built so."""
    import tempfile  # noqa: PLC0415  imports shutil and random

    products = leading_products(vectors, layout.metric)
    if products is None:
        return forest.build(vectors, layout, trees, order)
    of_few = Layout(layout.metric, products.directions.shape[1])
    few, _ = forest.build(products, of_few, trees, order)
    with tempfile.TemporaryDirectory(prefix="vectord-build-") as folder:
        path = Path(folder, "graph.ann")
        with path.open("wb") as file:
            _write_items(file, vectors, layout, order)
            _write_trees(file, few, products, of_few, layout)
        return forest.mapped_file(path), forest.load(np.empty(0, np.uint8), layout, path)


def leading_products(vectors: F32, metric: Metric) -> Products | None:
    """Return the products of `vectors` with their leading directions.

    None if trees over them would save little, or find less.
    """
    rows, dimension = vectors.shape
    if rows < _MIN_ROWS or dimension < _MIN_DIMENSION:
        return None
    sample = vectors[:: rows // _SAMPLE].astype(np.float32)
    with np.errstate(all="ignore"):  # a product that is not finite is refused below
        if metric == "angular":
            sample /= np.sqrt(np.vecdot(sample, sample))[:, None]
        else:
            sample -= sample.mean(axis=0)
        total = float(np.square(sample).sum(dtype=np.float64))
        if not 0 < total < np.inf:
            return None
        found = np.random.default_rng(_SEED).standard_normal((dimension, _COMPONENTS), np.float32)
        for _ in range(_PASSES):
            found = np.linalg.qr(sample.T @ (sample @ found))[0]
        share = float(np.square(sample @ found).sum(dtype=np.float64)) / total
    return Products(vectors, np.ascontiguousarray(found)) if share >= _LEAST_SHARE else None


def _write_items(file: BufferedWriter, vectors: Vectors, layout: Layout, order: Order | None) -> None:
    """Write the item nodes of `vectors`, in `order` if it is given."""
    for start in range(0, len(vectors), _NODES):
        part = slice(start, start + _NODES)
        block = vectors[part if order is None else order[part]]
        nodes = np.zeros(len(block) * layout.node_size, np.uint8)
        layout.write_items(nodes, block)
        file.write(nodes.data)


class _Node(msgspec.Struct, frozen=True, eq=False):
    """An inner node: how many rows it has, and the two children of a split, or the rows of a leaf.

    `number` is that of a split among the nodes of few components; -1 for a leaf.
    """

    count: int
    children: npt.NDArray[np.int32]
    number: int


def _write_trees(file: BufferedWriter, few: Buffer, products: Products, of_few: Layout, layout: Layout) -> None:
    """Write the inner nodes of `layout` for the trees of `few`, a file of `products`, whose layout is `of_few`."""
    rows = len(products)
    headers = np.ndarray((len(few) // of_few.node_size, of_few.node_size), np.uint8, few)
    normals = of_few.vectors(few, len(headers))
    nodes = list(_nodes(of_few.descendants(few), of_few.children(few), rows, of_few.bucket, layout.bucket))
    for start in range(0, len(nodes), _NODES):
        part = nodes[start : start + _NODES]
        written = np.zeros((len(part), layout.node_size), np.uint8)
        flat = written.reshape(-1)
        layout.descendants(flat)[:] = [node.count for node in part]
        splits = np.flatnonzero([node.number >= 0 for node in part])
        numbers = [part[place].number for place in splits.tolist()]
        written[splits, 4 : layout.children_offset] = headers[numbers, 4 : layout.children_offset]
        layout.vectors(flat, len(part))[splits] = normals[numbers] @ products.directions.T
        for children, node in zip(layout.children(flat), part, strict=True):
            children[: len(node.children)] = node.children
        file.write(written.data)


def _nodes(
    counts: npt.NDArray[np.int32], children: npt.NDArray[np.int32], rows: int, bucket: int, larger: int
) -> Iterator[_Node]:
    """Yield the inner nodes of trees whose leaves have up to `larger` rows, where there were up to `bucket`.

    Children come before their parents, as Annoy writes them. `counts` (n,) and `children` (n, bucket) are of all nodes.
    """
    numbers = dict[int, int]()

    def rows_of(node: int) -> npt.NDArray[np.int32]:
        if node < rows:
            return np.array([node], np.int32)
        if counts[node] <= bucket:
            return children[node, : counts[node]]
        return np.concatenate([rows_of(child) for child in children[node, :2].tolist()])

    for split in (rows + np.flatnonzero(counts[rows:] > larger)).tolist():
        pair = children[split, :2].tolist()
        for child in pair:
            if child >= rows and child not in numbers:
                numbers[child] = rows + len(numbers)
                yield _Node(int(counts[child]), rows_of(child), -1)
        numbers[split] = rows + len(numbers)
        yield _Node(int(counts[split]), np.array([numbers.get(child, child) for child in pair], np.int32), split)
