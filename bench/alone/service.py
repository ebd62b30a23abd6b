"""The service and the search handler over the in-memory store, called as Lambda calls them."""

import base64
import contextlib
import importlib.util
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import Dataset, K
from bench.measure import best
from tools.command.paths import ROOT
from vectord.edge.handler import Handler
from vectord.index.kernels.distance import F32
from vectord.index.rows import Rows
from vectord.readers.entry import NewVector
from vectord.runtime import api
from vectord.service.lifecycle import NewIndex
from vectord.service.values.options import Deadline

ADDED = 100
_PATIENCE = 3600.0  # seconds: nothing may give up on a slow machine


@dataclass(frozen=True, slots=True)
class AddTime:
    seconds: float
    written: int  # bytes


def load(data: Dataset) -> None:
    """Put `data` into the store that the handlers use, under its own name."""
    service = api.service()
    service.create(NewIndex(data.name, data.dimension), Deadline(_until()))
    service.add(data.name, _batch(data.rows), Deadline(_until()))


def add(data: Dataset, runs: int) -> AddTime:
    """Time the addition of new rows to the loaded index, which they lie in the midst of."""
    between = (data.rows.vectors[:ADDED] + data.rows.vectors[ADDED : 2 * ADDED]) / 2
    batches = iter([NewVector(f"new-{run}-{i}", vector) for i, vector in enumerate(between)] for run in range(runs))
    service = api.service()
    seconds, _ = best(lambda: service.add(data.name, next(batches), Deadline(_until())), runs)
    return AddTime(seconds, service.describe(data.name, Deadline(_until())).size)


def search_handler() -> Handler:
    """Load the search function's module as Lambda does, by its file."""
    spec = importlib.util.spec_from_file_location("handler", ROOT / "functions" / "search" / "handler.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("functions/search/handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler


def json_event(name: str, query: F32) -> dict[str, Any]:
    return _event(name, {"vector": query.tolist(), "k": K})


def base64_event(name: str, query: F32) -> dict[str, Any]:
    return _event(name, {"vector": base64.b64encode(query.astype("<f4").tobytes()).decode(), "k": K})


def matched_ids(response: dict[str, Any]) -> list[str]:
    """Return the ids that a search's response carries.

    Raises:
        RuntimeError: it is no answer.
    """
    if response["statusCode"] != 200:
        raise RuntimeError(f"the search handler answered {response['statusCode']}: {response['body']}")
    return [match["id"] for match in json.loads(response["body"])["matches"]]


@contextlib.contextmanager
def without_log() -> Iterator[None]:
    """Send the line that a handler logs for each request to nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _event(name: str, body: dict[str, Any]) -> dict[str, Any]:
    # The parts of payload format 2.0 that the size of a real event comes from.
    path = f"/indexes/{name}/search"
    return {
        "version": "2.0",
        "routeKey": "POST /indexes/{name}/search",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.com", "user-agent": "bench"},
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": "bench", "stage": "$default"},
        "pathParameters": {"name": name},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _batch(rows: Rows) -> list[NewVector]:
    metadata = rows.metadata
    return [
        NewVector(vector_id, np.asarray(vector), metadata.get(vector_id))
        for vector_id, vector in zip(rows.ids, rows.vectors, strict=True)
    ]


def _until() -> float:
    return time.monotonic() + _PATIENCE
