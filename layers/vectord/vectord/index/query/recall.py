"""Measure recall: the share of the exact answer that a search finds, and the time that it takes."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.query.query import Answer, Query, distance_of
from vectord.index.query.search import search_many
from vectord.index.rows import RowMask
from vectord.index.state import Index

_TOLERANCE: Final = 1e-9  # relative difference between two computations of the same distance


class Probe(msgspec.Struct, frozen=True):
    """One query vector; if it is a stored vector, `own_id` is its id, which is then excluded from the matches."""

    vector: F32
    own_id: str | None = None


class Measured(msgspec.Struct, frozen=True):
    """For each probe the recall, 0 to 1, the seconds of its search and of the exact search, and the strategy used."""

    recalls: Sequence[float]
    seconds: Sequence[float]
    exact_seconds: Sequence[float]
    strategies: Sequence[str]


def sample(index: Index, count: int, rng: "np.random.Generator") -> list[Probe]:
    """Return up to `count` of the stored vectors, drawn without repetition."""
    live = index.live.rows
    rows = np.sort(rng.choice(live, min(count, len(live)), replace=False)).tolist()
    return [Probe(vector, own_id) for vector, own_id in zip(index.vectors_of(rows), index.ids_of(rows), strict=True)]


def measure(
    index: Index,
    probes: Sequence[Probe],
    query: Query,
    now: Callable[[], float],
    deadline: float = math.inf,
    *,
    matching: RowMask | None = None,
) -> Measured:
    """Run `query` and an exact search for each of `probes`, one after the other; `now` returns seconds.

    `matching` are the rows that satisfy the query's filter, None if it has no filter. After `deadline` the remaining
    probes are skipped, but the first is always measured. A match counts if its distance is at most that of the true
    k-th. The matches are found without metadata and vectors, which could fill the memory.
    """
    query = structs.replace(query, include_metadata=False, include_vectors=False)
    exact = structs.replace(query, recall=1.0, ef_search=0)
    recalls: list[float] = []
    seconds, exact_seconds, strategies = [], [], []
    for probe in [*probes[:1], *probes]:  # the first runs twice: its fetches must not count
        if len(recalls) > 1 and now() >= deadline:
            break
        true, exact_time = _timed(index, probe, exact, matching, now)
        answer, time = _timed(index, probe, query, matching, now)
        recalls.append(_recall(answer, true))
        seconds.append(time)
        exact_seconds.append(exact_time)
        strategies.append(answer.strategy)
    return Measured(recalls[1:], seconds[1:], exact_seconds[1:], strategies[1:])


def _timed(
    index: Index, probe: Probe, query: Query, matching: RowMask | None, now: Callable[[], float]
) -> tuple[Answer, float]:
    exclude = query.exclude if probe.own_id is None else (*query.exclude, probe.own_id)
    probe_query = structs.replace(query, vectors=(probe.vector,), exclude=exclude)
    start = now()
    answer = search_many(index, probe_query, matching)[0]
    return answer, now() - start


def _recall(answer: Answer, true: Answer) -> float:
    if not true.matches:
        return 1.0
    farthest = distance_of(true.matches[-1])
    return sum(distance_of(match) <= farthest * (1 + _TOLERANCE) for match in answer.matches) / len(true.matches)
