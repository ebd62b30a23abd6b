"""The participants of the comparison, their efforts, and the number of measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Participant:
    """One participant.

    `kind` is the argument of its adapter's `make`, after `{dimension}` is filled in. `efforts` are measured warm, in
    ascending order. `cold` is the effort of cold searches, or None for the least effort that reaches the recall.
    `library` must be installed. `runs` processes measure a cold search.
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
        """Return the adapter module, and its kind, of the process that executes `verb`."""
        if not self.ours:
            return self.module, self.kind
        return {"build": (ENGINE, ""), "warm": (ENGINE, ""), "add": (OURS, "add")}.get(verb, (OURS, "search"))

    @property
    def installed(self) -> bool:
        return find_spec(self.library) is not None

    @property
    def file(self) -> str:
        """Its name in paths and keys."""
        return self.name.replace(" ", "-").lower()


OURS: Final = "vectord"
ENGINE: Final = "vectord_engine"
_GRAPH: Final = (16, 32, 64, 128, 256)

VECTORD: Final = Participant("vectord", OURS, "search", "msgspec", (0.9, 0.95, 0.98, 0.99, 0.995, 1.0), cold=0, runs=20)
PEERS: Final = (
    Participant("numpy scan", "numpy_scan", "", "numpy", runs=4),
    Participant("annoy", "annoy_forest", "{dimension}", "annoy", (1_000, 10_000, 22_000, 45_000, 90_000), runs=4),
    Participant("hnswlib", "hnswlib_graph", "{dimension}", "hnswlib", _GRAPH, runs=4),
    Participant("faiss flat", "faiss_index", "flat", "faiss", runs=4),
    Participant("faiss HNSW", "faiss_index", "hnsw", "faiss", _GRAPH, runs=4),
    Participant("faiss IVF-SQ8", "faiss_index", "sq8", "faiss", (8, 16, 32, 64, 128), runs=8),
    Participant("usearch f16", "usearch_graph", "{dimension}", "usearch", _GRAPH, runs=4),
    Participant("voyager", "voyager_graph", "{dimension}", "voyager", _GRAPH, runs=4),
    Participant("LanceDB", "lance", "", "lancedb", ((1, 10), (2, 10), (5, 5), (5, 10), (20, 10)), runs=8),
)
QUICK: Final = ("numpy scan", "annoy")
