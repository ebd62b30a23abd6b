"""A process that changes an index: `python -m bench.use.changing JOB`. It measures each change.

Each command is a line of JSON: `{"do": "create" | "add" | "patch" | "delete" | "build", ...}`; the answer is an
event `done` with the seconds of each change.
"""

import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.adapters.peer import F32, Location
from bench.peers.child import Job, Parent
from bench.use.changers.changer import Change, Changer


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_bytes())
    parent, vectors = Parent(), np.load(job["rows"], mmap_mode="r")
    location = Location(**{**job["location"], "folder": Path(job["location"]["folder"])})
    changer: Changer = importlib.import_module(f"bench.use.changers.{job['module']}").make(location)
    parent.send("ready")
    while command := parent.receive():
        parent.send("done", seconds=[_seconds(change) for change in _changes(changer, command, vectors)])
    parent.send("end")


def _changes(changer: Changer, command: dict[str, Any], vectors: F32) -> Sequence[Change]:
    match command["do"]:
        case "create":
            return [changer.create(vectors.shape[1])]
        case "add":
            first, size = command["first"], command["size"]
            starts = range(first, first + command["count"] * size, size)
            return [changer.add(np.array(vectors[start : start + size]), start) for start in starts]
        case "patch":
            return [changer.patch(rows) for rows in command["batches"]]
        case "delete":
            return [changer.delete(rows) for rows in command["batches"]]
        case _:
            return [changer.build()]


def _seconds(change: Change) -> float:
    started = time.perf_counter()
    change()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
