"""One measured process: `python -m bench.peers.child PLAN`. It speaks JSON lines: events out, commands in.

`verb` of the plan is what is measured; the parent's clock decides how long it took:

build    builds; says `built`; publishes, and searches once
cold     open, search once; says `answer`
add      says `ready` when imported, and at a command adds; says `done`
refresh  opens and searches; says `ready`, and at a command refreshes and searches; says `answer`
warm     opens what was built; says `ready`; each command is a block of queries to search for
"""

import os
import sys
import time

STARTED = time.monotonic()

import importlib  # noqa: E402 (the clock comes first)
import json  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from bench.measure import peak_memory  # noqa: E402
from bench.peers.adapters.peer import Place  # noqa: E402

Plan = dict[str, Any]


class Parent:
    """The two pipes. What a library or a handler prints goes to the log instead."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def say(self, event: str, **facts: object) -> None:
        self._out.write(json.dumps({"event": event, **facts}) + "\n")

    def hear(self) -> Plan | None:
        line = sys.stdin.readline()
        return json.loads(line) if line.strip() else None


def _build(peer: Any, plan: Plan, parent: Parent) -> None:
    rows = np.load(plan["rows"])
    started = time.monotonic()
    size = peer.build(rows)
    parent.say("built", seconds=time.monotonic() - started, bytes=size)
    peer.publish()
    peer.warm()  # a peer that cannot even search is found out here, and left out
    peer.search(rows[0], plan["effort"])


def _cold(peer: Any, plan: Plan, parent: Parent) -> None:
    peer.open()
    opened = time.monotonic()
    found = peer.search(_query(plan), plan["effort"])
    parent.say("answer", found=found, opened=opened - STARTED)


def _add(peer: Any, plan: Plan, parent: Parent) -> None:
    peer.prepare(np.load(plan["batch"]), plan["first"])
    parent.say("ready")
    parent.hear()
    peer.add()
    parent.say("done")


def _refresh(peer: Any, plan: Plan, parent: Parent) -> None:
    query = _query(plan)
    peer.open()
    peer.refresh()
    peer.search(query, plan["effort"])
    parent.say("ready")
    parent.hear()
    peer.refresh()
    found = peer.search(query, plan["effort"])
    parent.say("answer", found=found)


def _warm(peer: Any, plan: Plan, parent: Parent) -> None:
    queries = np.load(plan["queries"])
    peer.warm()
    parent.say("ready")
    while command := parent.hear():
        taken, found = [], []
        for query in queries[command["start"] : command["stop"]]:
            began = time.perf_counter_ns()
            rows = peer.search(query, command["effort"])
            taken.append(time.perf_counter_ns() - began)
            found.append(list(rows))
        parent.say("block", ns=taken, found=found)


def _query(plan: Plan) -> Any:
    return np.frombuffer(bytes.fromhex(plan["query"]), np.float32)


VERBS: dict[str, Callable[[Any, Plan, Parent], None]] = {
    "build": _build,
    "cold": _cold,
    "add": _add,
    "refresh": _refresh,
    "warm": _warm,
}


def main() -> None:
    plan: Plan = json.loads(Path(sys.argv[1]).read_bytes())
    parent = Parent()
    place = Place(**{**plan["place"], "folder": Path(plan["place"]["folder"])})
    peer = importlib.import_module(f"bench.peers.adapters.{plan['module']}").make(place, plan["kind"])
    imported = time.monotonic() - STARTED
    VERBS[plan["verb"]](peer, plan, parent)
    parent.say("end", imported=imported, peak=peak_memory(), cpu=time.process_time(), told=getattr(peer, "told", {}))


if __name__ == "__main__":
    main()
