"""One measured process: `python -m bench.peers.child JOB`. It writes events and reads commands, as lines of JSON.

The job's `verb` names what is measured. The duration is measured by the parent's clock:

build    builds; sends `built`; uploads, and searches once
cold     opens and searches once; sends `answer`
add      sends `ready` after its imports, and adds at a command; sends `done`
refresh  opens and searches; sends `ready`, and refreshes and searches at a command; sends `answer`
warm     opens the built index; sends `ready`; each command is a block of queries to search for
"""

import os
import sys
import time

STARTED = time.monotonic()

import importlib  # noqa: E402 - the clock is read before any other import
import json  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from bench.memory import peak_memory  # noqa: E402
from bench.peers.adapters.peer import Location  # noqa: E402

Job = dict[str, Any]


class Parent:
    """The two pipes to the parent. The output of libraries and handlers goes to the log instead."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def send(self, event: str, **facts: object) -> None:
        self._out.write(json.dumps({"event": event, **facts}) + "\n")

    def receive(self) -> Job | None:
        line = sys.stdin.readline()
        return json.loads(line) if line.strip() else None


def _build(peer: Any, job: Job, parent: Parent) -> None:
    rows = _array(job["rows"])
    started = time.monotonic()
    size = peer.build(rows)
    parent.send("built", seconds=time.monotonic() - started, bytes=size)
    peer.publish()
    peer.warm()  # a peer that cannot search fails now and is left out
    peer.search(rows[0], job["effort"])


def _cold(peer: Any, job: Job, parent: Parent) -> None:
    peer.open()
    opened = time.monotonic()
    found = peer.search(_query(peer, job), job["effort"])
    parent.send("answer", found=found, opened=opened - STARTED)


def _add(peer: Any, job: Job, parent: Parent) -> None:
    peer.prepare(_array(job["batch"]), job["first"])
    parent.send("ready")
    parent.receive()
    peer.add()
    parent.send("done")


def _refresh(peer: Any, job: Job, parent: Parent) -> None:
    query = _query(peer, job)
    peer.open()
    peer.refresh()
    peer.search(query, job["effort"])
    parent.send("ready")
    parent.receive()
    peer.refresh()
    found = peer.search(query, job["effort"])
    parent.send("answer", found=found)


def _warm(peer: Any, job: Job, parent: Parent) -> None:
    queries = _array(job["queries"])
    peer.warm()
    parent.send("ready")
    while command := parent.receive():
        taken, found = [], []
        for query in queries[command["start"] : command["stop"]]:
            began = time.perf_counter_ns()
            rows = peer.search(query, command["effort"])
            taken.append(time.perf_counter_ns() - began)
            found.append(list(rows))
        parent.send("block", ns=taken, found=found)


def _query(peer: Any, job: Job) -> Any:
    data = bytes.fromhex(job["query"])
    if getattr(peer, "takes_bytes", False):
        return data
    import numpy as np  # noqa: PLC0415  only what a participant uses may be a part of its cold start

    return np.frombuffer(data, np.float32)


def _array(path: str) -> Any:
    import numpy as np  # noqa: PLC0415  see `_query`

    return np.load(path)


VERBS: dict[str, Callable[[Any, Job, Parent], None]] = {
    "build": _build,
    "cold": _cold,
    "add": _add,
    "refresh": _refresh,
    "warm": _warm,
}


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_bytes())
    parent = Parent()
    location = Location(**{**job["location"], "folder": Path(job["location"]["folder"])})
    peer = importlib.import_module(f"bench.peers.adapters.{job['module']}").make(location, job["kind"])
    imported = time.monotonic() - STARTED
    VERBS[job["verb"]](peer, job, parent)
    parent.send(
        "end", imported=imported, peak=peak_memory(), cpu=time.process_time(), details=getattr(peer, "details", {})
    )


if __name__ == "__main__":
    main()
