"""Who is compared, with which efforts, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of the comparison.

    `kind` is what its module's `make` is told, `{dimension}` filled in; `efforts` are tried warm, least first; `cold`
    is for cold searches, None for the least effort that reached the recall; `library` is what must be installed;
    `runs` is how many processes measure a cold search.
    """

    name: str
    module: str
    kind: str
    library: str
    efforts: Sequence[Any] = (None,)
    cold: Any = None
    runs: int = 5

    @property
    def ours(self) -> bool:
        return self.module == OURS

    def role(self, verb: str) -> tuple[str, str]:
        """Return the module, and its kind, of the process that does `verb`."""
        if not self.ours:
            return self.module, self.kind
        return {"build": (ENGINE, ""), "warm": (ENGINE, ""), "add": (OURS, "add")}.get(verb, (OURS, "search"))

    @property
    def installed(self) -> bool:
        return find_spec(self.library) is not None

    @property
    def file(self) -> str:
        """Its name as part of a path and of a key."""
        return self.name.replace(" ", "-").lower()


OURS: Final = "vectord"
ENGINE: Final = "vectord_engine"
_GRAPH: Final = (16, 32, 64, 128, 256)

VECTORD: Final = Entry("vectord", OURS, "search", "msgspec", (0.9, 0.95, 0.98, 0.99, 1.0), cold=0, runs=20)
PEERS: Final = (
    Entry("numpy scan", "numpy_scan", "", "numpy", runs=4),
    Entry("annoy", "annoy_forest", "{dimension}", "annoy", (1_000, 10_000, 22_000, 45_000, 90_000), runs=4),
    Entry("hnswlib", "hnswlib_graph", "{dimension}", "hnswlib", _GRAPH, runs=4),
    Entry("faiss flat", "faiss_index", "flat", "faiss", runs=4),
    Entry("faiss HNSW", "faiss_index", "hnsw", "faiss", _GRAPH, runs=4),
    Entry("faiss IVF-SQ8", "faiss_index", "sq8", "faiss", (8, 16, 32, 64, 128), runs=8),
    Entry("usearch f16", "usearch_graph", "{dimension}", "usearch", _GRAPH, runs=4),
    Entry("voyager", "voyager_graph", "{dimension}", "voyager", _GRAPH, runs=4),
    Entry("LanceDB", "lance", "", "lancedb", ((1, 10), (2, 10), (5, 5), (5, 10), (20, 10)), runs=8),
)
QUICK: Final = ("numpy scan", "annoy")
