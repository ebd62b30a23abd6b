"""The client over HTTP on the local stack, beside the handlers that the stack runs, called in this process on its S3.

The handlers get the same bodies one after the other, without HTTP, Lambda and processes: that is what they can do. A
search reports the server's own time; what is left of the time in the client is HTTP, MiniStack and the client.
"""

import gc
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from vectord_client import Client, Hits
from vectord_client.rows import batches
from vectord_client.rows.forms import add_blocks
from vectord_client.wire import operations
from vectord_client.wire.request import Request

from bench.data import synthetic
from bench.embedded.database import F32, K, metadata_of
from bench.handlers import load_handler, without_log
from tools.command.console import step, table
from tools.stack.stack import Stack, running_stack
from tools.stack.storage import VARIABLES

_DIMENSION: Final = 384
_ROUNDS, _QUICK_ROUNDS = 3, 1
_SEARCHES, _QUICK_SEARCHES = 300, 40
_WARM: Final = 20  # searches that are not counted


def study(folder: Path, rows: int, *, quick: bool) -> None:
    """Print the rates of a load, and what a search through the client adds to the server's own time."""
    data = synthetic(rows, _DIMENSION, 100)
    with running_stack(folder) as stack:
        with step("HTTP", f"load {rows:,} rows, beside the handler") as done:
            rates = [_loads(stack, data.rows.vectors, number) for number in range(_QUICK_ROUNDS if quick else _ROUNDS)]
            done.note = "through HTTP, and the handler alone"
        with step("HTTP", "search"), Client(stack.url) as client:
            searches = _searches(client, data.queries, _QUICK_SEARCHES if quick else _SEARCHES)
    _show(rates, searches)


def _loads(stack: Stack, vectors: F32, number: int) -> tuple[float, float]:
    """Return the rows per second of the client over HTTP, and of the handler called in this process."""
    ids, metadata = list(map(str, range(len(vectors)))), metadata_of(len(vectors))
    with Client(stack.url) as client:
        index = client.create_index(f"films-{number}", dimension=_DIMENSION)
        client.create_index(f"alone-{number}", dimension=_DIMENSION)
        started = time.perf_counter()
        index.add(ids=ids, vectors=vectors, metadata=metadata)
        over_http = len(vectors) / (time.perf_counter() - started)
    blocks = add_blocks(ids=ids, vectors=vectors, metadata=metadata)
    bodies = [batches.body(batch.rows) for batch in batches.cut(blocks) if batch.rows is not None]
    return over_http, len(vectors) / _alone(stack, f"alone-{number}", bodies)


def _alone(stack: Stack, name: str, bodies: Sequence[bytes]) -> float:
    """Return the seconds that the function `add` takes for the bodies, on the stack's S3."""
    before = dict(os.environ)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    os.environ |= {**VARIABLES, **keys, "AWS_ENDPOINT_URL": stack.endpoint, "VECTORD_COMPACT": ""}
    os.environ["VECTORD_STORE"] = f"s3://{stack.bucket}/_vectors"
    try:
        add = load_handler("add")
        events = [_event(operations.add(name, body).request) for body in bodies]
        gc.collect()
        started = time.perf_counter()
        with without_log():
            for event in events:
                answer = add(event, None)
                if answer["statusCode"] != 200:
                    raise RuntimeError(answer["body"])
        return time.perf_counter() - started
    finally:
        os.environ.clear()
        os.environ |= before


def _event(request: Request) -> dict[str, Any]:
    name = request.path.split("/")[2]
    return {
        "version": "2.0",
        "routeKey": "POST /indexes/{name}/vectors",
        "rawPath": request.path,
        "rawQueryString": "",
        "headers": dict(request.headers),
        "requestContext": {"http": {"method": "POST", "path": request.path}, "requestId": "bench", "stage": "$default"},
        "pathParameters": {"name": name},
        "body": (request.body or b"").decode(),
        "isBase64Encoded": False,
    }


def _searches(client: Client, queries: F32, count: int) -> Mapping[str, Sequence[float]]:
    """Return the milliseconds of searches in the client, and those that the server reported."""
    index = client.index("films-0")
    found: list[tuple[float, Hits]] = []
    for number in range(_WARM + count):
        started = time.perf_counter()
        hits = index.search(queries[number % len(queries)], k=K)
        found.append(((time.perf_counter() - started) * 1000, hits))
    counted = found[_WARM:]
    return {"client": [ms for ms, _ in counted], "server": [hits.milliseconds for _, hits in counted]}


def _show(rates: Sequence[tuple[float, float]], searches: Mapping[str, Sequence[float]]) -> None:
    over_http, alone = median(rate for rate, _ in rates), median(rate for _, rate in rates)
    ratio = median(rate / handler for rate, handler in rates)
    added = np.array(searches["client"]) - np.array(searches["server"])
    table(
        ("over HTTP on the stack", "measured", "target"),
        [
            ["load through the client, rows/s", f"{over_http:,.0f}", ""],
            ["the handler alone, rows/s", f"{alone:,.0f}", ""],
            ["load / handler", f"{ratio:.2f}", "≥ 0.70"],
            ["search in the client, p50 ms", f"{np.median(searches['client']):.2f}", ""],
            ["the server's own time, p50 ms", f"{np.median(searches['server']):.2f}", ""],
            ["added, p50 ms", f"{np.median(added):.2f}", "≤ 3.00"],
        ],
    )
