"""The service with the store in memory, which the handlers of this process use too."""

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import handlers
from bench.data import Dataset, K
from bench.measure import best
from vectord.index.kernels.distance import F32
from vectord.index.rows import Rows
from vectord.readers.entry import NewVector
from vectord.runtime import api
from vectord.service.values.options import Deadline, NewIndex

ADDED = 100
_DEADLINE_SECONDS = 3600.0  # longer than any operation on a slow machine


@dataclass(frozen=True, slots=True)
class AddTime:
    """Seconds of an add, and the bytes of the object after it."""

    seconds: float
    written: int


def load(data: Dataset) -> None:
    """Create an index of the data set, under its name."""
    service = api.service()
    service.create(NewIndex(data.name, data.dimension), _deadline())
    service.add(data.name, _batch(data.rows), _deadline())


def add(data: Dataset, runs: int) -> AddTime:
    """Measure adds of new rows to the loaded index; each is the mean of two of its rows."""
    between = (data.rows.vectors[:ADDED] + data.rows.vectors[ADDED : 2 * ADDED]) / 2
    batches = iter([NewVector(f"new-{run}-{i}", vector) for i, vector in enumerate(between)] for run in range(runs))
    service = api.service()
    seconds, _ = best(lambda: service.add(data.name, next(batches), _deadline()), runs)
    return AddTime(seconds, service.describe(data.name, _deadline()).size)


def json_event(name: str, query: F32) -> handlers.Event:
    """Return a search whose vector is an array of numbers."""
    return handlers.event("search", name, {"vector": query.tolist(), "k": K})


def base64_event(name: str, query: F32) -> handlers.Event:
    """Return a search whose vector is base64."""
    return handlers.event("search", name, {"vector": handlers.encode(query), "k": K})


def matched_ids(response: dict[str, Any]) -> list[str]:
    """Return the ids in the response of a search.

    Raises:
        RuntimeError: the search failed.
    """
    if response["statusCode"] != 200:
        raise RuntimeError(f"the search handler answered {response['statusCode']}: {response['body']}")
    return [match["id"] for match in json.loads(response["body"])["matches"]]


def _batch(rows: Rows) -> list[NewVector]:
    metadata = rows.metadata
    return [
        NewVector(vector_id, np.asarray(vector), metadata.get(vector_id))
        for vector_id, vector in zip(rows.ids, rows.vectors, strict=True)
    ]


def _deadline() -> Deadline:
    return Deadline(time.monotonic() + _DEADLINE_SECONDS)
