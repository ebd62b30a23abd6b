"""What the tests of embedded mode share: requests as JSON, indexes that are due for a build, and processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vectord.index.thresholds import compaction_is_due
from vectord.readers.entry import NewVector
from vectord.service.values.options import Deadline, NewIndex
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway
from vectord_client.wire.request import Request, Response

SRC = Path(__file__).parents[2] / "src"
DIMENSION = 1_100
BASE_ROWS = 4_000  # with this dimension, an index in the packed form
TAIL_ROWS = 2_049  # one more than the tail of such an index may have


def send(gateway: Gateway, method: str, path: str, body: Any = None, **headers: str) -> Response:
    data = None if body is None else json.dumps(body).encode()
    return gateway.send(Request(method, path, (), headers, data), 30)


def add_rows(gateway: Gateway, name: str, first: int, count: int) -> None:
    vectors = np.random.default_rng(first).normal(size=(count, DIMENSION)).astype(np.float32)
    entries = [NewVector(f"row-{first + row}", vector, None, row) for row, vector in enumerate(vectors)]
    gateway.service.add(name, entries, Deadline(gateway.service.environment.now() + 60))


def create_built(folder: Path, name: str, options: Options) -> None:
    """Create an index in `folder` whose rows are built, in the packed form."""
    gateway = Gateway(folder, options)
    gateway.service.create(NewIndex(name, DIMENSION), Deadline(gateway.service.environment.now() + 60))
    add_rows(gateway, name, 0, BASE_ROWS)
    assert gateway._engine.builds.wait(60)
    gateway.close()


def is_index_due(gateway: Gateway, name: str) -> bool:
    service = gateway.service
    return compaction_is_due(service.reader.present(name, Deadline(service.environment.now() + 60)).index)


def environment() -> dict[str, str]:
    """The environment of a process without settings of vectord or AWS."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VECTORD_", "AWS_"))}
    return {**inherited, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1"}


def run(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own until it ends."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(code: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program, beside the block, until it ends or the block does."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
