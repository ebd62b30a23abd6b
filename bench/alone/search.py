"""Warm searches: the engine, the whole handler, a numpy scan and Annoy, alternating."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import annoy
import numpy as np
import numpy.typing as npt

from bench import handlers
from bench.alone import service
from bench.data import Dataset, K, Truth, unit
from bench.handlers import Event, Handler
from bench.measure import Side, Times, alternating
from vectord.index.codec import decode
from vectord.index.kernels.distance import F32
from vectord.index.query import search as query_search
from vectord.index.state import Index
from vectord.lhv1 import frame

ENGINE, SCAN, ANNOY = "vectord engine", "numpy exact scan", "plain annoy, default effort"
JSON, BASE64 = "search handler, JSON array", "search handler, base64"

Found = npt.NDArray[np.int64]
Method = Callable[[int], Found]


@dataclass(frozen=True, slots=True)
class Searches:
    """Times and recall of each method by its name, and the strategies that the engine chose."""

    times: Mapping[str, Times]
    recall: Mapping[str, float]
    strategy: str


def measure(data: Dataset, blob: bytes, true: Truth, rounds: int) -> Searches:
    """Search for each query of `data`, which is loaded into the handlers' store, with every method.

    Raises:
        RuntimeError: the handler and the engine find different vectors.
    """
    index = decode.open_blob(blob)
    with_handlers = _handlers(data, index)
    rows_of = {vector_id: row for row, vector_id in enumerate(data.rows.ids)}
    # A build may change the order of the rows.
    number_of = np.array([rows_of[vector_id] for vector_id in index.rows.ids])
    methods: dict[str, Method] = {
        ENGINE: _engine(index, data.queries, rows_of),
        SCAN: _scan(data),
        ANNOY: _annoy(data, blob, number_of),
    }
    recall = {name: _recall(method, data, true) for name, method in methods.items()}
    sides: dict[str, Side] = {
        **methods,
        ENGINE: lambda q: query_search.search(index, data.queries[q], K),
        **with_handlers,
    }
    with handlers.without_log():
        times = alternating(sides, len(data.queries), rounds)
    return Searches(times, recall, _strategies(index, data.queries))


def _handlers(data: Dataset, index: Index) -> dict[str, Side]:
    handler, shapes = handlers.load_handler("search"), {JSON: service.json_event, BASE64: service.base64_event}
    sides: dict[str, Side] = {}
    with handlers.without_log():
        for label, shape in shapes.items():
            events = [shape(data.name, query) for query in data.queries]
            for event, query in zip(events, data.queries, strict=True):
                expected = [match.id for match in query_search.search(index, query, K).matches]
                if service.matched_ids(handler(event, None)) != expected:
                    raise RuntimeError(f"{label} and the engine find different vectors")
            sides[label] = _answering(handler, events)
    return sides


def _answering(handler: Handler, events: Sequence[Event]) -> Side:
    return lambda query: handler(events[query], None)


def _engine(index: Index, queries: F32, row_of: Mapping[str, int]) -> Method:
    def search(query: int) -> Found:
        return np.array([row_of[match.id] for match in query_search.search(index, queries[query], K).matches])

    return search


def _scan(data: Dataset) -> Method:
    units, queries = unit(data.rows.vectors).astype(np.float32), unit(data.queries).astype(np.float32)

    def search(query: int) -> Found:
        cosines = units @ queries[query]
        best = np.argpartition(cosines, -K)[-K:]
        return best[np.argsort(-cosines[best])]

    return search


def _annoy(data: Dataset, blob: bytes, number_of: npt.NDArray[np.int64]) -> Method:
    _, sections = frame.decode(blob)
    graph = next(data for entry, data in sections.items() if entry.name == "graph")
    forest = annoy.AnnoyIndex(data.dimension, "angular")
    with tempfile.NamedTemporaryFile(prefix="vectord-bench-") as file:
        file.write(graph)
        file.flush()
        forest.load(file.name)
    queries = data.queries.tolist()
    return lambda query: number_of[forest.get_nns_by_vector(queries[query], K)]


def _recall(method: Method, data: Dataset, true: Truth) -> float:
    return float(np.mean([true.recall(data.rows.vectors, q, method(q)) for q in range(len(data.queries))]))


def _strategies(index: Index, queries: F32) -> str:
    used = Counter(query_search.search(index, query, K).strategy for query in queries)
    return ", ".join(name if len(used) == 1 else f"{name} for {times}" for name, times in used.most_common())
