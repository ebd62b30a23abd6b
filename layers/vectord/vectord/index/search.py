"""Answer a search: find candidates by the cheaper way, measure them exactly, order them."""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index import distance as dist
from vectord.index import exact, planner
from vectord.index.distance import F32, F64
from vectord.index.graph import Graph
from vectord.index.index import Index
from vectord.index.planner import Strategy
from vectord.index.rows import Rows

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Match:
    """One result: its exact distance, its metadata as JSON text, its vector float32 (dimension,)."""

    id: str
    distance: float
    metadata: msgspec.Raw | None
    vector: F32


@dataclass(frozen=True, slots=True)
class Answer:
    """Matches by ascending distance, then id; the number of vectors in the index; how they were found."""

    matches: list[Match]
    count: int
    strategy: Strategy


def search(index: Index, query: F32, k: int, ef_search: int | None = None) -> Answer:
    """Return the `k` nearest stored vectors to `query`, float32 (dimension,), finite and with a norm if cosine.

    `ef_search` overrides the calibrated effort by Annoy's own rule: so many candidates a tree.
    """
    rows, graph = index.rows, index.graph
    wanted = min(k, len(rows))
    if graph is None or wanted == 0:
        return Answer([], len(rows), "exact")
    effort = _forest_effort(index, graph, query, wanted, ef_search)
    if graph.forest and effort:
        # Annoy orders its finds in float32: take some more than asked, so that rounding costs no true neighbour.
        target = exact.unit(query) if index.params.distance == "cosine" else query
        found = graph.forest.candidates(target, 2 * wanted + 32, effort)
        near, distances = _nearest(index, found, query, wanted)
        # Too few finds, or none but ties with the last, are no answer yet: ties break by id among all of them.
        if len(near) >= wanted and (len(near) < len(found) or len(found) == len(rows)):
            return Answer(_ranked(rows, near, distances, wanted), len(rows), "forest")
    found = exact.candidates(rows.vectors, graph.scale, query, wanted, index.params.distance)
    return Answer(_ranked(rows, *_nearest(index, found, query, wanted), wanted), len(rows), "exact")


def _forest_effort(index: Index, graph: Graph, query: F32, k: int, ef_search: int | None) -> int:
    """Return how many rows the forest shall look at, 0 where the exact scan is the way."""
    if not (graph.scale.tame and exact.query_is_tame(query, index.params.distance)):
        return 0  # Annoy computes in float32 too
    if ef_search is not None:
        return max(ef_search, k) * index.params.m
    return planner.forest_effort(index.curve, len(index.rows), k, max(index.params.ef_search, k) * index.params.m)


def _nearest(index: Index, found: Array, query: F32, k: int) -> tuple[Array, F64]:
    """Return the `k` nearest rows of those found, with all that tie with the last, and their exact distances."""
    distances = dist.distances(index.rows.vectors, found, query, index.params.distance)
    near = exact.nearest(distances, k)
    return found[near], distances[near]


def _ranked(rows: Rows, near: Array, distances: F64, k: int) -> list[Match]:
    order = sorted(zip(distances.tolist(), map(rows.ids.__getitem__, near.tolist()), near.tolist(), strict=True))[:k]
    return [
        Match(vector_id, distance, rows.metadata.get(vector_id), rows.vectors[row])
        for distance, vector_id, row in order
    ]
