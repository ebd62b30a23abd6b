"""Search a forest's trees for candidates."""

import tempfile
from pathlib import Path

import annoy
import msgspec
import numpy as np
import numpy.typing as npt

from vectord.forest.layout import Layout


class Trees(msgspec.Struct, frozen=True, eq=False):
    """The trees that an object of Annoy's holds, built or loaded."""

    _annoy: annoy.AnnoyIndex

    @property
    def trees(self) -> int:
        return int(self._annoy.get_n_trees())

    def candidates(self, query: npt.NDArray[np.float32], n: int, effort: int) -> npt.NDArray[np.int64]:
        """Return up to `n` rows near `query`, found by looking at about `effort` rows (Annoy's search_k)."""
        return np.array(self._annoy.get_nns_by_vector(query.tolist(), n, effort), np.int64)


def load(graph: npt.NDArray[np.uint8], layout: Layout, path: Path | None = None) -> Trees:
    """Map `graph`, whose checksum and structure the caller has verified; `path` is a file that holds it, if any.

    A file of our own is unlinked at once: the mapping keeps the bytes, and no crash can leave a file behind.
    """
    forest = annoy.AnnoyIndex(layout.dimension, layout.metric)
    if path is not None:
        forest.load(str(path))
    else:
        with tempfile.NamedTemporaryFile(prefix="vectord-graph-") as file:
            file.write(graph.data)
            file.flush()
            forest.load(file.name)
    return Trees(forest)
