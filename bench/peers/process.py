"""Start a measured process, exchange messages with it, and time it with this process's clock."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.command.paths import ROOT
from tools.command.run import environment


def python_path(code: Path = ROOT) -> str:
    """Return the PYTHONPATH of a process that measures the package of a checkout with this checkout's benchmarks."""
    return os.pathsep.join(map(str, (ROOT, code / "layers" / "vectord", code / "clients" / "python" / "src")))


PATH: Final = python_path()


_NO_VARIABLES: Final[Mapping[str, str]] = {}


class ChildFailed(Exception):
    """A measured process ended, or sent another event than the expected one."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the process, and the time at which it arrived."""

    facts: dict[str, Any]
    at: float


class Child:
    """A running process; `started` is the time just before it was spawned."""

    def __init__(self, process: "subprocess.Popen[str]", started: float, log: Path) -> None:
        self._process, self.started, self._log = process, started, log

    def receive(self, event: str) -> Event:
        """Wait for an event.

        Raises:
            ChildFailed: the process sent another event, or ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        at = time.monotonic()
        facts: dict[str, Any] = json.loads(line) if line else {}
        if facts.get("event") != event:
            raise ChildFailed(f"waited for {event}:\n{self._log.read_text(errors='replace')[-2_000:]}")
        return Event(facts, at)

    def send(self, **command: object) -> float:
        """Send a command and return the time just before."""
        assert self._process.stdin is not None
        at = time.monotonic()
        self._process.stdin.write(json.dumps(command or {"go": True}) + "\n")
        self._process.stdin.flush()
        return at

    def finish(self) -> None:
        """Tell a process that reads several commands that there are no more."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@contextmanager
def child(
    job: Mapping[str, Any],
    scratch: Path,
    threads: int | None = None,
    module: str = "bench.peers.child",
    variables: Mapping[str, str] = _NO_VARIABLES,
) -> Iterator[Child]:
    """Run a job of `module` in a new process with its own TMPDIR; `threads` limits BLAS and OpenMP.

    `variables` are more environment variables. The process is killed after `most_seconds` of the job, or 900.
    """
    folder = Path(tempfile.mkdtemp(dir=scratch))
    job_file, log = folder / "job.json", folder / "log"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    env = environment(folder) | _LOCAL | ({} if threads is None else dict.fromkeys(_THREADS, str(threads)))
    env.update(variables)
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(job_file)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    limit = threading.Timer(job.get("most_seconds", _MOST_SECONDS), process.kill)  # receive() then fails
    limit.start()
    with process:
        try:
            yield Child(process, started, log)
            process.wait(_LAST_SECONDS)
        finally:
            limit.cancel()
            process.kill()


_MOST_SECONDS = 900.0
_LAST_SECONDS = 30.0  # from the last event to the end of the process
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS")
_LOCAL = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PYTHONPATH": PATH,
    "PYTHONHASHSEED": "0",
}
