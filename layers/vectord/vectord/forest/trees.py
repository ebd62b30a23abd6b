"""Search a forest's trees for candidates."""

import tempfile

import annoy
import numpy as np
import numpy.typing as npt

from vectord.forest.layout import Layout


class Forest:
    """The trees of a verified graph, mapped from a file of their own."""

    def __init__(self, graph: bytes, layout: Layout) -> None:
        """Map `graph`, whose checksum and structure the caller has verified.

        The file is unlinked at once: the mapping keeps the bytes, and no crash can leave a file behind.
        """
        self._annoy = annoy.AnnoyIndex(layout.dimension, layout.metric)
        with tempfile.NamedTemporaryFile(prefix="vectord-graph-") as file:
            file.write(graph)
            file.flush()
            self._annoy.load(file.name)
            self.graph = np.memmap(file.name, np.uint8, "r")

    @property
    def trees(self) -> int:
        return int(self._annoy.get_n_trees())

    def candidates(self, query: npt.NDArray[np.float32], n: int, effort: int) -> npt.NDArray[np.int64]:
        """Return up to `n` rows near `query`, found by looking at about `effort` rows (Annoy's search_k)."""
        return np.array(self._annoy.get_nns_by_vector(query.tolist(), n, effort), np.int64)
