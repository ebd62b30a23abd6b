"""Measure what searches are worth: how much of the exact answers they find, and how long they take."""

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.query.query import Answer, Query
from vectord.index.query.row_mask import Chosen
from vectord.index.query.search import search_many
from vectord.index.state import Index

_CLOSE = 1e-9  # relative: between a distance and the same one by another way


class Probe(msgspec.Struct, frozen=True):
    """One query; `own` is the id of the stored vector that it is, which is then no answer."""

    vector: F32
    own: str | None = None


class Measured(msgspec.Struct, frozen=True):
    """What each of some searches found of the true answer, 0 to 1, and the seconds that it and the exact one took.

    `strategies` names how each was answered.
    """

    recalls: Sequence[float]
    seconds: Sequence[float]
    exact_seconds: Sequence[float]
    strategies: Sequence[str]


def sample(index: Index, count: int, rng: np.random.Generator) -> list[Probe]:
    """Return up to `count` of the stored vectors, drawn without repetition."""
    live = np.setdiff1d(np.arange(index.covered + len(index.tail)), list(index.removed), assume_unique=True)
    rows = np.sort(rng.choice(live, min(count, len(live)), replace=False))
    vectors, ids = index.vectors_of(rows.tolist()), _ids(index, rows)
    return [Probe(vector, vector_id) for vector, vector_id in zip(vectors, ids, strict=True)]


def measure(
    index: Index,
    probes: Sequence[Probe],
    query: Query,
    now: Callable[[], float],
    until: float = math.inf,
    *,
    among: Chosen | None = None,
) -> Measured:
    """Run `query` for each of `probes`, and an exact search, one after the other; `now` returns seconds.

    `among` are the rows that satisfy the query's filter, None if it has no filter.

    Once it is `until`, the rest is left out, but for the first. A match counts if its distance is not larger than that
    of the true k-th. Everything is brought here first.
    """
    exact = structs.replace(query, recall=1.0, ef_search=0)
    recalls: list[float] = []
    seconds, exact_seconds, strategies = [], [], []
    for probe in [*probes[:1], *probes]:  # the first is asked twice: what it brings here and opens is not counted
        if len(recalls) > 1 and now() >= until:
            break
        true, exact_took = _timed(index, probe, exact, among, now)
        found, took = _timed(index, probe, query, among, now)
        recalls.append(_recall(found, true))
        seconds.append(took)
        exact_seconds.append(exact_took)
        strategies.append(found.strategy)
    return Measured(recalls[1:], seconds[1:], exact_seconds[1:], strategies[1:])


def _timed(
    index: Index, probe: Probe, query: Query, among: Chosen | None, now: Callable[[], float]
) -> tuple[Answer, float]:
    exclude = (*query.exclude, probe.own) if probe.own is not None else query.exclude
    own = structs.replace(query, vectors=(probe.vector,), exclude=exclude)
    start = now()
    answer = search_many(index, own, among)[0]
    return answer, now() - start


def _recall(found: Answer, true: Answer) -> float:
    if not true.matches:
        return 1.0
    last = true.matches[-1].distance
    return sum(match.distance <= last * (1 + _CLOSE) for match in found.matches) / len(true.matches)


def _ids(index: Index, rows: npt.NDArray[np.int64]) -> list[str]:
    inside = [row for row in rows.tolist() if row < index.covered]
    documents = index.base.documents.read(inside, index.fetch) if index.base and inside else []
    return [
        *(document.id for document in documents),
        *(index.tail.ids[row - index.covered] for row in rows.tolist()[len(inside) :]),
    ]
