"""Build a forest with Annoy, in a file that the section `graph` maps."""

from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from vectord.forest import few_components
from vectord.forest.forest import F32, Layout, Order, Trees, Vectors, load

if TYPE_CHECKING:
    import annoy

SEED: Final = 20_240_229  # a constant, so that equal rows in equal order give an equal file


def build_forest(vectors: F32, layout: Layout, trees: int, order: Order | None = None) -> tuple[memoryview, Trees]:
    """Build a forest of `trees` over `vectors` (rows, dimension), rows >= 1; return Annoy's file and the loaded trees.

    Both map a file that is already unlinked: a copy in memory would double the memory of a large build. The items are
    numbered in `order`, which lists rows, if it is given. One thread builds, because a parallel build numbers the nodes
    in random order, and equal rows should give equal bytes. The trees of many rows are built over few components.
    """
    import tempfile  # noqa: PLC0415  imports shutil and random

    products = few_components.leading_products(vectors, layout.metric)
    if products is None:
        return _built(vectors, layout, trees, order)
    of_few = Layout(layout.metric, products.directions.shape[1])
    few, _ = _built(products, of_few, trees, order)
    with tempfile.TemporaryDirectory(prefix="vectord-build-") as folder:
        path = Path(folder, "graph.ann")
        with path.open("wb") as file:
            few_components.write_items(file, vectors, layout, order)
            few_components.write_trees(file, few, products, of_few, layout)
        return _mapped(path), load(np.empty(0, np.uint8), layout, path)


def _built(vectors: Vectors, layout: Layout, trees: int, order: Order | None) -> tuple[memoryview, Trees]:
    """Build a forest with Annoy. All item nodes are written at once, 20 times as fast as by its `add_item`."""
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
        return _mapped(path), Trees(forest)


def _mapped(path: Path) -> memoryview:
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
