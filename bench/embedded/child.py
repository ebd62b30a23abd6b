"""One measured process: `python -m bench.embedded.child JOB`. It writes events and reads commands, as lines of JSON.

load     sends `ready`; at a command it loads all rows and searches once, and sends `loaded`; it builds, sends `built`
first    opens the folder and searches once; sends `answer`; the parent's clock measures from the start of the process
warm     opens the folder; sends `ready`; each command is a block of queries to search for
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

import numpy as np  # noqa: E402

from bench.embedded.database import NAME, WARM_UP, metadata_of, size_of  # noqa: E402
from bench.peers.child import Job, Parent  # noqa: E402

_FEW = 64  # rows of the load before the clock starts


def _load(make: Callable[[Path, str], Any], job: Job, parent: Parent) -> None:
    vectors, queries = np.load(job["rows"]), np.load(job["queries"])
    ids, metadata = list(map(str, range(len(vectors)))), metadata_of(len(vectors))
    folder = Path(job["folder"])
    warm_up = make(folder.with_name("warm-up"), job["kind"])
    warm_up.create(WARM_UP, vectors.shape[1])
    warm_up.load(ids[:_FEW], vectors[:_FEW], metadata[:_FEW])
    warm_up.close()
    database = make(folder, job["kind"])
    database.create(NAME, vectors.shape[1])
    parent.send("ready")
    parent.receive()
    os.sync()  # else a database that waits for the disk also waits for what the ones before it wrote
    before = _reset_peak()
    started = time.perf_counter()
    database.load(ids, vectors, metadata)
    loaded = time.perf_counter()
    found = database.search(queries[0], job["effort"])
    searchable = time.perf_counter()
    peak = _status("VmHWM") - before
    os.sync()
    durable = time.perf_counter()
    parent.send(
        "loaded",
        load=loaded - started,
        searchable=searchable - started,
        durable=durable - started,
        found=list(found),
        peak=peak,
        bytes=size_of(folder),
    )
    if job["build"]:
        database.build()
        parent.send(
            "built", seconds=time.perf_counter() - started, peak=_status("VmHWM") - before, bytes=size_of(folder)
        )
    database.close()


def _first(make: Callable[[Path, str], Any], job: Job, parent: Parent) -> None:
    database = make(Path(job["folder"]), job["kind"])
    database.open()
    found = database.search(_query(job), job["effort"])
    parent.send("answer", found=list(found))
    database.close()


def _warm(make: Callable[[Path, str], Any], job: Job, parent: Parent) -> None:
    queries = np.load(job["queries"])
    database = make(Path(job["folder"]), job["kind"])
    database.open()
    database.search(queries[0], job["effort"])
    parent.send("ready")
    while command := parent.receive():
        taken, found = [], []
        for query in queries[command["start"] : command["stop"]]:
            began = time.perf_counter_ns()
            rows = database.search(query, command["effort"])
            taken.append(time.perf_counter_ns() - began)
            found.append(list(rows))
        parent.send("block", ns=taken, found=found)
    database.close()


def _query(job: Job) -> Any:
    return np.frombuffer(bytes.fromhex(job["query"]), np.float32)


def _reset_peak() -> int:
    """Set the peak of the resident memory to the present value, and return it in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


VERBS: dict[str, Callable[[Callable[[Path, str], Any], Job, Parent], None]] = {
    "load": _load,
    "first": _first,
    "warm": _warm,
}


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_bytes())
    parent = Parent()
    make = importlib.import_module(f"bench.embedded.{job['module']}").make
    VERBS[job["verb"]](make, job, parent)
    parent.send("end")
    os._exit(0)  # a library's threads and caches are not of interest


if __name__ == "__main__":
    main()
