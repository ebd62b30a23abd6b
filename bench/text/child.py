"""One measured library: `python -m bench.text.child JOB` builds its index, and searches at commands.

It sends `built`, then `ready`; each command is a block of queries to search for. A few passages are indexed before the
clock starts, so that a library has imported what it needs.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

from bench.peers.child import Job, Parent

_FEW = 64  # passages


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_bytes())
    parent = Parent()
    library = importlib.import_module(f"bench.text.libraries.{job['module']}").make
    passages = json.loads(Path(job["passages"]).read_bytes())
    queries: list[str] = json.loads(Path(job["queries"]).read_bytes())
    folder, other = Path(job["folder"], "index"), Path(job["folder"], "warm-up")
    for each in (folder, other):
        each.mkdir()
    library().build(passages[:_FEW], other)
    built = library()
    wall, cpu = time.perf_counter(), time.process_time()
    size = built.build(passages, folder)
    parent.send("built", cpu=time.process_time() - cpu, wall=time.perf_counter() - wall, bytes=size)
    built.open(passages, folder)
    for query in queries[:_FEW]:
        built.search(query)
    parent.send("ready")
    while command := parent.receive():
        taken, found = [], []
        for query in queries[command["start"] : command["stop"]]:
            began = time.perf_counter_ns()
            rows = built.search(query)
            taken.append(time.perf_counter_ns() - began)
            found.append(list(rows))
        parent.send("block", ns=taken, found=found)
    parent.send("end")
    os._exit(0)  # a library's threads and caches are not of interest


if __name__ == "__main__":
    main()
