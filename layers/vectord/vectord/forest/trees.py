"""Search a forest's trees for candidates."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import annoy
import numpy as np
import numpy.typing as npt

from vectord.forest.layout import Layout


@dataclass(frozen=True, eq=False)
class Trees:
    """The trees that an object of Annoy's holds, built or loaded."""

    _annoy: annoy.AnnoyIndex

    @property
    def trees(self) -> int:
        return int(self._annoy.get_n_trees())

    def candidates(self, query: npt.NDArray[np.float32], n: int, effort: int) -> npt.NDArray[np.int64]:
        """Return up to `n` rows near `query`, found by looking at about `effort` rows (Annoy's search_k)."""
        return np.array(self._annoy.get_nns_by_vector(query.tolist(), n, effort), np.int64)


class Forest(Trees):
    """The trees of a verified graph, mapped from a file."""

    def __init__(self, graph: npt.NDArray[np.uint8], layout: Layout, path: Path | None = None) -> None:
        """Map `graph`, whose checksum and structure the caller has verified; `path` is a file that holds it, if any.

        A file of our own is unlinked at once: the mapping keeps the bytes, and no crash can leave a file behind.
        """
        super().__init__(annoy.AnnoyIndex(layout.dimension, layout.metric))
        if path is not None:
            self._annoy.load(str(path))
            return
        with tempfile.NamedTemporaryFile(prefix="vectord-graph-") as file:
            file.write(graph.data)
            file.flush()
            self._annoy.load(file.name)
