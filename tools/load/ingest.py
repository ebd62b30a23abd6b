"""Measure the time from the upload of a file to its first search hit on the local stack, by step.

`python -m tools.load.ingest` needs a build.
"""

import gzip
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.command import console
from tools.command.errors import StackFailed
from tools.command.run import run_tool
from tools.stack.client import Client, Json, encode
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, running_stack, session

ROWS, DIMENSION, SEED = 5_000, 384, 1
RUNS = 3  # the first run starts the function
TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.02


def measure(folder: Path) -> None:
    """Upload the same file several times, each time for a new index, and print the times."""
    file = gzip.compress(b"".join(_lines(_vectors())), 6)
    with running_stack(folder) as stack, closing(Client(HOST, stack.port, stack.path)) as api:
        api.call("POST", "/indexes/none/search", {"vector": [1]}, expect=404)  # starts the search function
        timings = [_one(stack, api, f"timed-{run}", file) for run in range(RUNS)]
    console.say(f"{ROWS:,} x {DIMENSION} as .jsonl.gz, {len(file) / 2**20:.1f} MiB, to searchable; seconds:")
    steps = list(timings[0])
    rows = [[f"{run + 1}", *(f"{timing[step]:.2f}" for step in steps)] for run, timing in enumerate(timings)]
    console.table(["upload", *steps], rows)
    print("  event: from the start of the PUT to the start of the function; search: from the commit to the first hit.")


def _one(stack: Stack, api: Client, name: str, file: bytes) -> dict[str, float]:
    api.call("POST", "/indexes", {"name": name, "dimension": DIMENSION}, expect=201)
    last = {"vector": encode(_vectors()[-1]), "k": 1}
    began = time.time()
    stack.upload(f"uploads/{name}/rows.jsonl.gz", file)
    deadline = time.time() + TIMEOUT_SECONDS
    while not api.call("POST", f"/indexes/{name}/search", last).body["matches"]:
        if time.time() > deadline:
            raise StackFailed(f"the upload was not searchable after {TIMEOUT_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    found = time.time()
    line = _line(stack, name)
    ended = line["_aws"]["Timestamp"] / 1000
    event = ended - line["Latency"] / 1000 - began
    logged = {step: line[f"{step.capitalize()}Milliseconds"] / 1000 for step in ("fetch", "parse", "commit")}
    return {"all": found - began, "event": event, **logged, "search": found - ended}


def _line(stack: Stack, name: str) -> Json:
    """Wait for the function's log line about the upload, which it writes after the commit."""
    logs = session().client("logs", endpoint_url=stack.endpoint)
    group, deadline = stack.log_group("IngestFunction"), time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for event in logs.filter_log_events(logGroupName=group)["events"]:
            message = event["message"]
            if message.startswith("{") and (line := json.loads(message)).get("index") == name:
                return dict(line)
        time.sleep(_POLL_SECONDS)
    raise StackFailed(f"the function did not log the upload for {name}")


def _vectors() -> npt.NDArray[np.float32]:
    return np.random.default_rng(SEED).standard_normal((ROWS, DIMENSION), np.float32)


def _lines(vectors: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Yield a JSON line for each vector, with an array of numbers."""
    for row, vector in enumerate(vectors.tolist()):
        yield json.dumps({"id": f"row-{row}", "vector": vector, "metadata": {"row": row}}).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(run_tool(measure))
