"""How long an uploaded file takes to become searchable on the local stack, and where the time goes."""

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
RUNS = 3  # the first one starts the function
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02


def measure(folder: Path) -> None:
    """Upload the same number of new vectors a few times, each time to an index of its own."""
    file = gzip.compress(b"".join(_lines(_vectors())), 6)
    with running_stack(folder) as stack, closing(Client(HOST, stack.port, stack.path)) as api:
        api.call("POST", "/indexes/none/search", {"vector": [1]}, expect=404)  # starts the search function
        timings = [_one(stack, api, f"timed-{run}", file) for run in range(RUNS)]
    console.say(f"{ROWS:,} x {DIMENSION} as .jsonl.gz, {len(file) / 2**20:.1f} MiB, to searchable; seconds:")
    steps = list(timings[0])
    rows = [[f"{run + 1}", *(f"{timing[step]:.2f}" for step in steps)] for run, timing in enumerate(timings)]
    console.table(["upload", *steps], rows)
    print("  event: from the start of the PUT to the function at work on it; search: from the commit to the first hit.")


def _one(stack: Stack, api: Client, name: str, file: bytes) -> dict[str, float]:
    api.call("POST", "/indexes", {"name": name, "dimension": DIMENSION}, expect=201)
    last = {"vector": encode(_vectors()[-1]), "k": 1}
    began = time.time()
    stack.upload(f"uploads/{name}/rows.jsonl.gz", file)
    deadline = time.time() + PATIENCE_SECONDS
    while not api.call("POST", f"/indexes/{name}/search", last).body["matches"]:
        if time.time() > deadline:
            raise StackFailed(f"the upload was not searchable after {PATIENCE_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    found = time.time()
    line = _line(stack, name)
    ended = line["_aws"]["Timestamp"] / 1000
    event = ended - line["Latency"] / 1000 - began
    told = {step: line[f"{step.capitalize()}Milliseconds"] / 1000 for step in ("fetch", "parse", "commit")}
    return {"all": found - began, "event": event, **told, "search": found - ended}


def _line(stack: Stack, name: str) -> Json:
    """Wait for what the function logs of an upload once it is committed."""
    logs = session().client("logs", endpoint_url=stack.endpoint)
    group, deadline = f"/aws/lambda/{stack.physical('IngestFunction')}", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for event in logs.filter_log_events(logGroupName=group)["events"]:
            message = event["message"]
            if message.startswith("{") and (line := json.loads(message)).get("index") == name:
                return dict(line)
        time.sleep(_LOOK_SECONDS)
    raise StackFailed(f"the function logged nothing of the upload for {name}")


def _vectors() -> npt.NDArray[np.float32]:
    return np.random.default_rng(SEED).standard_normal((ROWS, DIMENSION), np.float32)


def _lines(vectors: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Write each vector as callers mostly do, as an array of numbers."""
    for row, vector in enumerate(vectors.tolist()):
        yield json.dumps({"id": f"row-{row}", "vector": vector, "metadata": {"row": row}}).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(run_tool(measure))
