"""`make load`: a load test of the local stack with locust, and the memory of the function processes meanwhile.

An error is any answer but 200, except a 503 with Retry-After. Memory is the anonymous memory of the function processes:
sections of indexes are mapped from files, of which a function keeps as many as fit into its share of /tmp.
"""

import csv
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from tools.command import console, processes
from tools.command.errors import CheckFailed, CommandFailed
from tools.command.paths import ROOT
from tools.command.run import environment, run_tool
from tools.stack.client import Client, encode
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, running_stack

CONNECTIONS = 32
SECONDS = 60.0
INDEXES, ROWS, DIMENSION, BATCH = 4, 2_000, 64, 10
RETRY_LATER = "503, retry later"
GROWTH = 1.1  # limit for the growth of a function's memory
_FUNCTION = "ministack-lambda-"  # part of the command line of each function process

type Memory = Mapping[int, int]  # process id -> bytes


@dataclass(frozen=True)
class Load:
    """The results: answered requests by kind, errors by message, and the memory at intervals."""

    answered: Mapping[str, int] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    memory: Sequence[Memory] = ()

    @property
    def growth(self) -> float:
        """Mean memory in the last third of the samples over that in the first, of processes that are in both."""
        third = max(1, len(self.memory) // 3)
        first, last = self.memory[:third], self.memory[-third:]
        lasting = set(first[0]) & set(last[-1])
        return _mean(last, lasting) / _mean(first, lasting)


def _mean(samples: Sequence[Memory], lasting: set[int]) -> float:
    return statistics.fmean(sample[process] for sample in samples for process in lasting if process in sample)


def index_name(number: int) -> str:
    """Return the name of one of the test's indexes."""
    return f"load-{number}"


def prepare(stack: Stack) -> None:
    """Create and fill the indexes."""
    drawn = np.random.default_rng(0).standard_normal((ROWS, DIMENSION)).astype(np.float32)
    rows = [{"id": str(row), "vector": encode(vector)} for row, vector in enumerate(drawn)]
    with closing(Client(HOST, stack.port, stack.path)) as api:
        for number in range(INDEXES):
            api.call("POST", "/indexes", {"name": index_name(number), "dimension": DIMENSION}, expect=201)
            api.call("POST", f"/indexes/{index_name(number)}/vectors", {"vectors": rows})


def drive(stack: Stack, seconds: float, folder: Path, connections: int = CONNECTIONS) -> Load:
    """Run locust for some seconds, which prints the latencies, and sample the memory; `folder` is for its reports.

    Raises:
        CommandFailed: locust itself failed.
    """
    report, memory = folder / f"load-{time.monotonic_ns()}", list[Memory]()
    command = [str(Path(sys.executable).with_name("locust")), "--locustfile", str(ROOT / "tools/load/locustfile.py")]
    command += ["--headless", "--host", stack.url, "--users", str(connections), "--spawn-rate", str(connections)]
    command += ["--run-time", f"{seconds:.0f}s", "--stop-timeout", "60", "--csv", str(report)]
    command += ["--only-summary", "--loglevel", "WARNING"]
    with processes.running(command, None, environment(folder) | {"PYTHONPATH": str(ROOT)}) as locust:
        while locust.poll() is None:
            memory.append(_memory())
            time.sleep(min(1.0, seconds / 10))
    if not Path(f"{report}_exceptions.csv").exists():
        raise CommandFailed(f"locust ended with status {locust.returncode}")
    answered = {row["Name"]: int(row["Request Count"]) - int(row["Failure Count"]) for row in _rows(report, "stats")}
    return Load(answered, Counter(dict(_errors(report))), memory)


def _rows(report: Path, name: str) -> list[dict[str, str]]:
    with Path(f"{report}_{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _errors(report: Path) -> Iterator[tuple[str, int]]:
    for row in _rows(report, "failures"):
        yield f"{row['Name']}: {row['Error']}", int(row["Occurrences"])
    for row in _rows(report, "exceptions"):
        yield row["Message"], int(row["Count"])


def _memory() -> Memory:
    """Return the anonymous memory of the function processes below this process."""
    found: dict[int, int] = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended
            if any(_FUNCTION in word for word in process.cmdline()):
                used = process.memory_info()
                found[process.pid] = used.rss - used.shared
    return found


def show(load: Load) -> None:
    """Print errors and memory."""
    peak = max(sum(sample.values()) for sample in load.memory) >> 20
    console.say(
        f"{sum(load.errors.values())} errors {dict(load.errors)}; {len(load.memory[-1])} function processes, "
        f"{peak:,} MiB at most, {load.growth:.2f} times as much in the last third as in the first"
    )


def check(load: Load) -> None:
    """Verify that there are no errors and that the memory does not grow.

    Raises:
        CheckFailed
    """
    if load.errors:
        raise CheckFailed(f"the load test had errors: {dict(load.errors)}")
    if load.growth > GROWTH:
        raise CheckFailed(f"the functions' memory grew {load.growth:.2f} times")


def _run(folder: Path) -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with running_stack(folder) as stack:
        prepare(stack)
        drive(stack, 1.0, folder)  # starts the functions
        load = drive(stack, seconds, folder)
    show(load)
    check(load)


if __name__ == "__main__":
    sys.exit(run_tool(_run))
