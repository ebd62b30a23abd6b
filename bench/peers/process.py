"""A measured process seen from outside: started, talked to, and timed by the parent's clock."""

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

PATH: Final = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "vectord")])


class ChildFailed(Exception):
    """A measured process ended before it said what was waited for."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and the time at which it arrived."""

    facts: dict[str, Any]
    at: float


class Child:
    """A running process; `started` is the moment before it was spawned."""

    def __init__(self, process: "subprocess.Popen[str]", started: float, log: Path) -> None:
        self._process, self.started, self._log = process, started, log

    def hear(self, event: str) -> Heard:
        """Wait for an event.

        Raises:
            ChildFailed: another one came, or none.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        at = time.monotonic()
        facts: dict[str, Any] = json.loads(line) if line else {}
        if facts.get("event") != event:
            raise ChildFailed(f"waited for {event}:\n{self._log.read_text(errors='replace')[-2_000:]}")
        return Heard(facts, at)

    def tell(self, **command: object) -> float:
        """Send a command, and return the moment before."""
        assert self._process.stdin is not None
        at = time.monotonic()
        self._process.stdin.write(json.dumps(command or {"go": True}) + "\n")
        self._process.stdin.flush()
        return at

    def finish(self) -> None:
        """Say that there are no more commands, to a process that takes any number of them."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@contextmanager
def child(plan: Mapping[str, Any], scratch: Path, threads: int | None = None) -> Iterator[Child]:
    """Run a plan in a new process with a TMPDIR of its own; `threads` bounds what BLAS and OpenMP use."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    plan_file, log = folder / "plan.json", folder / "log"
    plan_file.write_text(json.dumps(plan), encoding="utf-8")
    env = environment(folder) | _LOCAL | ({} if threads is None else dict.fromkeys(_THREADS, str(threads)))
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.peers.child", str(plan_file)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    limit = threading.Timer(_MOST_SECONDS, process.kill)  # what waits for it then hears its end
    limit.start()
    with process:
        try:
            yield Child(process, started, log)
            process.wait(_LAST_SECONDS)
        finally:
            limit.cancel()
            process.kill()


_MOST_SECONDS = 900.0
_LAST_SECONDS = 30.0  # from its last event to its end
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS")
_LOCAL = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PYTHONPATH": PATH,
    "PYTHONHASHSEED": "0",
}
