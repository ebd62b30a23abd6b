"""The graph of an index: the verified file of a forest, its vectors in place, and its trees where they are searched."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vectord.errors import BlobCorrupt
from vectord.forest import Forest, Layout
from vectord.index import exact
from vectord.index.distance import F32
from vectord.index.planner import scan_is_small
from vectord.params import Params


@dataclass(frozen=True, eq=False)
class Graph:
    """A verified graph section over `rows` vectors; `forest` is None where an exact scan is always the better way."""

    layout: Layout
    rows: int
    buffer: bytes | np.memmap
    forest: Forest | None

    @property
    def vectors(self) -> F32:
        return self.layout.vectors(self.buffer, self.rows)

    @cached_property
    def scale(self) -> exact.Scale:
        return exact.scale(self.vectors, "cosine" if self.layout.metric == "angular" else "euclidean")


def layout_of(params: Params) -> Layout:
    return Layout("angular" if params.distance == "cosine" else "euclidean", params.dimension)


def open_graph(data: bytes, layout: Layout, rows: int) -> Graph:
    """Return the graph in `data`, whose checksum the caller has verified.

    A small one stays in memory; a large one is mapped from a file, so that the pages nobody needs cost nothing.

    Raises:
        BlobCorrupt: `data` is no forest over `rows` finite vectors of this layout.
    """
    layout.check(data, rows)
    if not np.isfinite(layout.vectors(data, rows)).all():
        raise BlobCorrupt("a vector of its graph is not finite")
    if scan_is_small(rows, layout.dimension):
        return Graph(layout, rows, data, None)
    forest = Forest(data, layout)
    return Graph(layout, rows, forest.graph, forest)
