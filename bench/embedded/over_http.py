"""The client over HTTP on the local stack and by `vectord serve`, beside the same requests without it.

A search reports the server's own time. Of the rest, MiniStack takes most on the stack: after each invocation it waits
until the function has written nothing for 5 ms (`_drain_stderr_bounded` of its lambda_runtime.py), so that it has all
lines of the log. It is not there on the way to `vectord serve`.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection
from statistics import median
from typing import Final

import msgspec
import numpy as np
from vectord_client import Client

from bench.data import synthetic
from bench.embedded import http_loads
from bench.embedded.database import F32, K
from bench.embedded.http_loads import BARE, CLIENT, FILE, HANDLER, Rates, Rows, Server, ratio
from bench.handlers import encode
from tools.command.console import step, table
from tools.stack.ministack import HOST, free_port
from tools.stack.stack import running_stack

_DIMENSION: Final = 384
_BATCHES: Final = 20_000  # rows at most that are loaded in batches in each way
_ROUNDS, _FILE_ROUNDS = 3, 2
_SEARCHED: Final = "films"
_START_SECONDS: Final = 30.0
_SEARCHES, _QUICK_SEARCHES = 300, 40
_WARM: Final = 20  # searches that are not counted

type Times = Mapping[str, float]  # p50 in milliseconds


def study(folder: Path, rows: int, *, quick: bool) -> None:
    """Print the rates of loads, and what a search through the client adds to the server's own time."""
    data, searches = synthetic(rows, _DIMENSION, 100), _QUICK_SEARCHES if quick else _SEARCHES
    rounds, of_file = (1, 1) if quick else (_ROUNDS, _FILE_ROUNDS)
    few, all_rows = Rows(data.rows.vectors[:_BATCHES], folder), Rows(data.rows.vectors, folder)
    with running_stack(folder) as stack:
        server = http_loads.on_stack(stack)
        with step("HTTP", f"load {len(few):,} rows in each way, in turn"):
            http_loads.rates(server, few, -1)  # starts the functions; not counted
            loads = []
            for number in range(rounds):
                http_loads.forget_objects(stack)
                loads.append(http_loads.rates(server, few, number))
        with step("HTTP", "search on the stack"):
            http_loads.load(server, few, _SEARCHED)
            on_stack = _searches(server, data.queries, searches)
        files, went = [], ""
        with step("HTTP", f"load a file of {rows:,} rows"):
            http_loads.start_ingestion(server, few)
            for number in range(of_file):
                http_loads.forget_objects(stack)
                found, went = http_loads.rates_of_file(server, all_rows, number)
                files.append(found)
    served = folder / "served"
    with _served(served) as port:
        server = http_loads.on_folder(port, served)
        with step("HTTP", f"load {len(few):,} rows by vectord serve"):
            http_loads.rates(server, few, -1)
            by_serve = [http_loads.rates(server, few, number) for number in range(rounds)]
        with step("HTTP", "search by vectord serve"):
            http_loads.load(server, few, _SEARCHED)
            by_server = _searches(server, data.queries, searches)
    _show_loads(loads, by_serve)
    _show_file(files, rows, went)
    _show_searches(on_stack, by_server)


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
        with suppress(OSError), create_connection((HOST, port), 1):
            return
        if time.monotonic() > end:
            raise RuntimeError("vectord serve did not start")
        time.sleep(0.05)


def _searches(server: Server, queries: F32, count: int) -> Times:
    """Return p50 in milliseconds: through the client, on a bare connection, the server's own time, and differences."""
    path, taken = f"/indexes/{_SEARCHED}/search", []
    server.post(path, msgspec.json.encode({"vector": encode(queries[0]), "k": K}))  # may start a function: no timeout
    with Client(server.url) as client:
        index = client.index(_SEARCHED)
        for number in range(_WARM + count):
            query = queries[number % len(queries)]
            body = msgspec.json.encode({"vector": encode(query), "k": K})
            started = time.perf_counter()
            hits = index.search(query, k=K)
            answered = time.perf_counter()
            server.post(path, body)
            taken.append(((answered - started) * 1000, (time.perf_counter() - answered) * 1000, hits.milliseconds))
    through, alone, own = np.array(taken[_WARM:]).T
    return {
        "client": float(np.median(through)),
        "bare": float(np.median(alone)),
        "own": float(np.median(own)),
        "added": float(np.median(through - own)),
        "added to bare": float(np.median(through - alone)),
    }


def _show_loads(on_stack: Sequence[Rates], by_serve: Sequence[Rates]) -> None:
    rows = [
        [way, *(f"{median(each[way] for each in found):,.0f}" for found in (on_stack, by_serve))]
        for way in (CLIENT, BARE, HANDLER)
    ]
    table(("load in batches, rows/s", "the stack", "vectord serve"), rows)
    ratios = [
        [f"client / {way}", *(f"{ratio(found, CLIENT, way):.2f}" for found in (on_stack, by_serve))]
        for way in (BARE, HANDLER)
    ]
    table(("median ratio of a round", "the stack", "vectord serve"), ratios)


def _show_file(found: Sequence[Rates], rows: int, went: str) -> None:
    shown = [[way, f"{median(each[way] for each in found):,.0f}"] for way in (FILE, HANDLER)]
    table((f"load of {rows:,} rows on the stack", "rows/s"), shown)
    table(("ratio", f"by {went}"), [["of a file / the handler", f"{ratio(found, FILE, HANDLER):.2f}"]])


def _show_searches(on_stack: Times, by_serve: Times) -> None:
    lines = {
        "through the client": "client",
        "on a bare connection": "bare",
        "the server's own time": "own",
        "the client adds to the server's own time": "added",
        "the client adds to a bare connection": "added to bare",
    }
    rows = [[name, f"{on_stack[key]:.2f}", f"{by_serve[key]:.2f}"] for name, key in lines.items()]
    table(("search, p50 ms", "the stack", "vectord serve"), rows)
