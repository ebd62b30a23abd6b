"""Processes of the search function, which import its handler and answer some events."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.support import template
from tests.support.backends import REGION

VECTOR = [1.0, *[0.0] * 32]

# Sends each event to the handler. Prints the statuses and bodies of the answers, whether the engine was imported when
# the head was begun and when the handler was, and the ranges that were chosen before the search asked for them.
PROGRAM = """
import gc, json, sys
import handler
from vectord.storage.s3.store import S3Store

ENGINE = "vectord.service.service"
imported = [ENGINE in sys.modules]
begin, chosen = S3Store.begin, []

def begun(self, name, length, needed, following):
    def recorded(head):
        chosen.extend(ranges := following(head))
        return ranges

    imported.append(ENGINE in sys.modules)
    begin(self, name, length, needed, recorded)

S3Store.begin = begun
stdout, sys.stdout = sys.stdout, sys.stderr
answers = [handler.lambda_handler(event) for event in json.load(sys.stdin)]
print(json.dumps([answers, imported, gc.isenabled(), chosen]), file=stdout, flush=True)
"""

# With these, coverage counts what runs in the process.
_COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


class Process(NamedTuple):
    """What a process answered; whether it had the engine after the handler, and when a read was begun; early ranges."""

    answers: list[dict[str, Any]]
    imported: list[bool]
    early: list[tuple[int, int]]


def a_search(name: str = "t", **body: Any) -> dict[str, Any]:
    text = json.dumps({"vector": VECTOR, "k": 3, **body})
    return {
        "routeKey": "POST /indexes/{name}/search",
        "rawPath": f"/indexes/{name}/search",
        "pathParameters": {"name": name},
        "body": text,
    }


def run(endpoint: str, events: Sequence[Mapping[str, Any]], tmp: Path | None = None, **environment: str) -> Process:
    """Return what a new process answers to `events`; its section cache is in `tmp`, or in a folder of its own."""
    environ = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "VECTORD_STORE": "s3://bucket/_vectors",
        "PYTHONPATH": str(template.ROOT / "layers/vectord"),
        **environment,
    }
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=template.ROOT / "functions/search",
            env={"TMPDIR": str(tmp or folder), **environ, **_COVERAGE},
            input=json.dumps(events),
            capture_output=True,
            text=True,
            check=True,
        )
    answered, imported, collects_garbage, early = json.loads(done.stdout)
    assert collects_garbage
    assert not done.stderr.count("Traceback"), done.stderr
    return Process(answered, imported, [(start, stop) for start, stop in early])
