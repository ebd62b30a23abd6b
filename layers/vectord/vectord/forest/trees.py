"""Load and search Annoy's trees; Annoy itself is imported with the first forest, because few searches need one."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.forest.layout import Layout

if TYPE_CHECKING:
    import annoy


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
    """Map `graph`, whose checksum and structure the caller has verified; `path` is a file that contains it, if any.

    A temporary file is unlinked at once: the mapping keeps the bytes, and no crash can leave a file behind.
    """
    import annoy  # noqa: PLC0415  a large library

    forest = annoy.AnnoyIndex(layout.dimension, layout.metric)
    if path is not None:
        forest.load(str(path))
        return Trees(forest)
    import tempfile  # noqa: PLC0415  imports shutil and random

    with tempfile.NamedTemporaryFile(prefix="vectord-graph-") as file:
        file.write(graph.data)
        file.flush()
        forest.load(file.name)
    return Trees(forest)
