"""Load on a stack of its own: `python -m tools.load [SECONDS]` mixes searches and adds over 32 connections.

Errors are all answers but 200, and but a 503 that says when to come back. Memory is that of the function processes,
without what they map from files.
"""

import http.client
import json
import os
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tools.command import console
from tools.command.errors import CheckFailed
from tools.command.run import run_tool
from tools.stack.client import Client, encode
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, running_stack

CONNECTIONS = 32
SECONDS = 60.0
INDEXES, ROWS, DIMENSION, BATCH = 4, 2_000, 64, 10
ADDS = 0.1  # of the requests; they replace vectors, so that the indexes stay as large as they are
GROWTH = 1.1  # of a function's memory, from the first third of the time to the last, that still counts as flat
_WORKER = b"ministack-lambda-"  # in the command of each function's process

type Memory = Mapping[int, int]  # process -> resident bytes


@dataclass
class Load:
    """What came back: milliseconds of each good answer, what else came how often, and the memory each second."""

    searches: list[float] = field(default_factory=list)
    adds: list[float] = field(default_factory=list)
    later: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[Memory] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """The mean memory of a process in the last third, over that of the same processes in the first."""
        third = max(1, len(self.memory) // 3)
        first, last = self.memory[:third], self.memory[-third:]
        lasting = set(first[0]) & set(last[-1])
        return _mean(last, lasting) / _mean(first, lasting)


def _mean(samples: Sequence[Memory], processes: set[int]) -> float:
    return statistics.fmean(sample[one] for sample in samples for one in processes if one in sample)


def prepare(stack: Stack) -> None:
    """Fill the indexes."""
    drawn = np.random.default_rng(0).standard_normal((ROWS, DIMENSION)).astype(np.float32)
    rows = [{"id": str(row), "vector": encode(vector)} for row, vector in enumerate(drawn)]
    with closing(Client(HOST, stack.port, stack.path)) as api:
        for number in range(INDEXES):
            api.call("POST", "/indexes", {"name": f"load-{number}", "dimension": DIMENSION}, expect=201)
            api.call("POST", f"/indexes/load-{number}/vectors", {"vectors": rows})


def drive(stack: Stack, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Send requests over so many connections at once, each as soon as its last one is answered."""
    load, until = Load(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_caller, args=(stack, random.Random(seed), until, load)) for seed in range(connections)
    ]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        load.memory.append(_memory())
        time.sleep(min(1.0, seconds / 10))
    for thread in threads:
        thread.join()
    return load


def _caller(stack: Stack, draw: random.Random, until: float, load: Load) -> None:
    with closing(http.client.HTTPConnection(HOST, stack.port, timeout=60)) as connection:
        while time.monotonic() < until:
            adds = draw.random() < ADDS
            path, body = _request(draw, adds=adds)
            started = time.perf_counter()
            try:
                connection.request("POST", stack.path + path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                load.errors[repr(error)] += 1
                connection.close()
                continue
            if answer.status == http.HTTPStatus.OK:
                (load.adds if adds else load.searches).append((time.perf_counter() - started) * 1000)
            elif answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE and answer.getheader("Retry-After"):
                load.later += 1
            else:
                load.errors[str(answer.status)] += 1


def _request(draw: random.Random, *, adds: bool) -> tuple[str, str]:
    base = f"/indexes/load-{draw.randrange(INDEXES)}"
    if not adds:
        return f"{base}/search", json.dumps({"vector": _vector(draw), "k": 10})
    rows = [{"id": str(draw.randrange(ROWS)), "vector": _vector(draw)} for _ in range(BATCH)]
    return f"{base}/vectors", json.dumps({"vectors": rows})


def _vector(draw: random.Random) -> str:
    return encode(np.array([draw.gauss(0, 1) for _ in range(DIMENSION)], np.float32))


def _memory() -> Memory:
    """Return the resident memory of the function processes below this one, without pages of files.

    Sections of indexes are mapped from files, of which a function keeps as many as its share of /tmp holds.
    """
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found: dict[int, int] = {}
    for process in parents:
        if _descends(process, parents) and _WORKER in _read(Path(f"/proc/{process}/cmdline")):
            told = re.search(rb"^RssAnon:\s+(\d+) kB$", _read(Path(f"/proc/{process}/status")), re.MULTILINE)
            if told:
                found[process] = int(told[1]) << 10
    return found


def _parent(entry: Path) -> int:
    fields = _read(entry / "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def _descends(process: int, parents: Mapping[int, int]) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        process = parents.get(process, 0)
    return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


def show(load: Load, seconds: float, connections: int = CONNECTIONS) -> None:
    """Print what came of it."""
    rows = [
        [name, f"{len(took):,}", *(f"{_percentile(took, share):.0f}" for share in (0.5, 0.9, 0.99, 1))]
        for name, took in (("search", load.searches), ("add", load.adds))
    ]
    console.table(["request", "answered", "p50 ms", "p90 ms", "p99 ms", "most ms"], rows)
    peak = max(sum(sample.values()) for sample in load.memory) >> 20
    console.say(
        f"{seconds:.0f} s, {connections} connections: {sum(load.errors.values())} errors {dict(load.errors) or ''}, "
        f"{load.later} times told to come back; {len(load.memory[-1])} function processes, {peak:,} MiB at most, "
        f"each {load.growth:.2f} times as large in the last third as in the first"
    )


def check(load: Load) -> None:
    """Stop where the load met errors or memory that grows."""
    if load.errors:
        raise CheckFailed(f"the load met errors: {dict(load.errors)}")
    if load.growth > GROWTH:
        raise CheckFailed(f"the functions' memory grew {load.growth:.2f} times")


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


def _run(folder: Path) -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with running_stack(folder) as stack:
        prepare(stack)
        drive(stack, 1.0)  # until every function has started
        load = drive(stack, seconds)
    show(load, seconds)
    check(load)


if __name__ == "__main__":
    sys.exit(run_tool(_run))
