"""The client over HTTP on the local stack, beside the same requests without it: on a bare connection, and in process.

The bodies are made before the clock of a bare connection and of the handler starts; the handler has no HTTP, no
MiniStack and no process of its own. A search reports the server's own time. Of the rest, MiniStack takes most: it is
not there on the way to `vectord serve`, which is measured too.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np
from vectord_client import Client
from vectord_client.rows import batches
from vectord_client.rows.forms import add_blocks
from vectord_client.wire import operations
from vectord_client.wire.request import Request

from bench.data import synthetic
from bench.embedded.database import F32, K, metadata_of
from bench.handlers import encode, load_handler, without_log
from tools.command.console import step, table
from tools.stack.ministack import HOST, free_port
from tools.stack.stack import Stack, running_stack
from tools.stack.storage import VARIABLES

_DIMENSION: Final = 384
_ROUNDS: Final = 3
_SEARCHED: Final = "films"
_CLIENT, _BARE, _HANDLER = "through the client", "on a bare connection", "the handler in this process"
_START_SECONDS: Final = 30.0
_SEARCHES, _QUICK_SEARCHES = 300, 40
_WARM: Final = 20  # searches that are not counted


def study(folder: Path, rows: int, *, quick: bool) -> None:
    """Print the rates of loads, and what a search through the client adds to the server's own time."""
    data, searches = synthetic(rows, _DIMENSION, 100), _QUICK_SEARCHES if quick else _SEARCHES
    with running_stack(folder) as stack:
        bare = http.client.HTTPConnection(HOST, stack.port)
        with step("HTTP", f"load {rows:,} rows in each way, in turn"):
            loads = _Loads(stack, bare, data.rows.vectors)
            loads.rates(-1)  # starts the functions; not counted
            rates = [loads.rates(number) for number in range(1 if quick else _ROUNDS)]
        with step("HTTP", "search on the stack"), Client(stack.url) as client:
            on_stack = _searches(client, bare, stack.path, data.queries, searches)
    with (
        step("HTTP", "search by vectord serve"),
        _served(folder / "served") as port,
        Client(f"http://{HOST}:{port}") as client,
    ):
        index = client.create_index(_SEARCHED, dimension=_DIMENSION)
        index.add(ids=list(map(str, range(rows))), vectors=data.rows.vectors)
        bare = http.client.HTTPConnection(HOST, port)
        served = _searches(client, bare, "", data.queries, searches)
    _show(rates, on_stack, served)


class _Loads:
    """Loads of the same rows over HTTP on the stack: through the client, on a bare connection, and by the handler."""

    def __init__(self, stack: Stack, bare: http.client.HTTPConnection, vectors: F32) -> None:
        self._stack, self._bare, self._vectors = stack, bare, vectors
        self._ids, self._metadata = list(map(str, range(len(vectors)))), metadata_of(len(vectors))
        blocks = add_blocks(ids=self._ids, vectors=vectors, metadata=self._metadata)
        self._bodies = [batches.body(batch.rows) for batch in batches.cut(blocks) if batch.rows is not None]

    def rates(self, number: int) -> Mapping[str, float]:
        """Return the rows per second of each way, each into a new index."""
        ways: Mapping[str, Callable[[str], object]] = {
            _CLIENT: self._through_client,
            _BARE: self._on_bare_connection,
            _HANDLER: self._by_handler,
        }
        found = {}
        for place, (way, load) in enumerate(ways.items()):
            name = _SEARCHED if (place, number) == (0, 0) else f"films-{number}-{place}"
            with Client(self._stack.url) as client:
                client.create_index(name, dimension=_DIMENSION)
            started = time.perf_counter()
            load(name)
            found[way] = len(self._vectors) / (time.perf_counter() - started)
        return found

    def _through_client(self, name: str) -> None:
        with Client(self._stack.url) as client:
            client.index(name).add(ids=self._ids, vectors=self._vectors, metadata=self._metadata)

    def _on_bare_connection(self, name: str) -> None:
        for body in self._bodies:
            _post(self._bare, f"{self._stack.path}/indexes/{name}/vectors", body)

    def _by_handler(self, name: str) -> None:
        _alone(self._stack, name, self._bodies)


def _post(bare: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    bare.request("POST", path, body, {"content-type": "application/json"})
    response = bare.getresponse()
    answer = response.read()
    if response.status != HTTPStatus.OK:
        raise RuntimeError(answer)
    return answer


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """Run `vectord serve` on a folder in a process of its own, and yield its port."""
    port = free_port()
    command = [sys.executable, "-c", "from vectord_client.cli.main import main; main()"]
    arguments = ["serve", "--store", str(folder), "--port", str(port)]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        if time.monotonic() > end:
            raise RuntimeError("vectord serve did not start")
        time.sleep(0.05)


def _alone(stack: Stack, name: str, bodies: Sequence[bytes]) -> None:
    """Give the bodies to the function `add` in this process, on the stack's S3."""
    before = dict(os.environ)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    compact = stack.physical("CompactFunction")  # as on the stack: it builds, no add does
    os.environ |= {**VARIABLES, **keys, "AWS_ENDPOINT_URL": stack.endpoint, "VECTORD_COMPACT": compact}
    os.environ["VECTORD_STORE"] = f"s3://{stack.bucket}/_vectors"
    try:
        add = load_handler("add")
        events = [_event(operations.add(name, body).request) for body in bodies]
        with without_log():
            for event in events:
                answer = add(event, None)
                if answer["statusCode"] != 200:
                    raise RuntimeError(answer["body"])
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


def _searches(
    client: Client, bare: http.client.HTTPConnection, base: str, queries: F32, count: int
) -> Mapping[str, float]:
    """Return p50 in milliseconds: through the client, on a bare connection, the server's own time, and differences."""
    index, path = client.index(_SEARCHED), f"{base}/indexes/{_SEARCHED}/search"
    taken: list[tuple[float, float, float]] = []
    for number in range(_WARM + count):
        query = queries[number % len(queries)]
        body = msgspec.json.encode({"vector": encode(query), "k": K})
        started = time.perf_counter()
        hits = index.search(query, k=K)
        answered = time.perf_counter()
        _post(bare, path, body)
        taken.append(((answered - started) * 1000, (time.perf_counter() - answered) * 1000, hits.milliseconds))
    through, alone, own = np.array(taken[_WARM:]).T
    return {
        "client": float(np.median(through)),
        "bare": float(np.median(alone)),
        "own": float(np.median(own)),
        "added": float(np.median(through - own)),
        "added to bare": float(np.median(through - alone)),
    }


def _show(rates: Sequence[Mapping[str, float]], on_stack: Mapping[str, float], served: Mapping[str, float]) -> None:
    shown = [[way, f"{median(rate[way] for rate in rates):,.0f}"] for way in (_CLIENT, _BARE, _HANDLER)]
    table(("load on the stack", "rows/s"), shown)
    ratios = [
        [f"client / {way}", f"{median(rate[_CLIENT] / rate[way] for rate in rates):.2f}"] for way in (_BARE, _HANDLER)
    ]
    table(("ratio", "median of the rounds"), ratios)
    lines = {
        "through the client": "client",
        "on a bare connection": "bare",
        "the server's own time": "own",
        "the client adds to the server's own time": "added",
        "the client adds to a bare connection": "added to bare",
    }
    rows = [[name, f"{on_stack[key]:.2f}", f"{served[key]:.2f}"] for name, key in lines.items()]
    table(("search, p50 ms", "the stack", "vectord serve"), rows)
