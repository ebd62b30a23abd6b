"""What CI prints: the output of each stage as a whole, what is running, and at the end a table and the counts."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tools.ci.plan import STAGES, Stage

_SUMMARY = re.compile(r"^=+ .* in [0-9.]+s.*=+$", re.MULTILINE)  # the last line of pytest
_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
_SKIPPED = re.compile(r"^SKIPPED.*", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """A stage that has ended: its exit status, None if it was stopped; its seconds; its whole output."""

    stage: Stage
    status: int | None
    seconds: int
    output: str = field(repr=False)

    @property
    def failed(self) -> bool:
        """Whether it ended by itself with a status other than 0."""
        return self.status not in {0, None}

    @property
    def outcome(self) -> str:
        """The outcome in the table: `passed`, `FAILED`, `stopped`, or where to read why it was skipped."""
        if self.status is None:
            return "stopped"
        if self.failed:
            return "FAILED"
        return "SKIPPED, see below" if self.skips else "passed"

    @cached_property
    def skips(self) -> list[str]:
        """The lines that say what was skipped and why."""
        return _SKIPPED.findall(self.output)

    @cached_property
    def counts(self) -> Counter[str]:
        """The numbers of tests, by pytest: `passed`, `failed`, `skipped`. A failure without pytest counts as one."""
        found: Counter[str] = Counter()
        for line in _SUMMARY.findall(self.output):
            for number, name in _COUNT.findall(line):
                found["failed" if name == "error" else name] += int(number)
        if self.failed:
            found["failed"] = max(1, found["failed"])
        return found


class Report:
    """Prints the results of the stages as they end, and a summary of all."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._results: dict[str, Result] = {}

    def add(self, result: Result) -> None:
        """Print the output of a stage that has ended by itself."""
        self._results[result.stage.name] = result
        show(result)
        if not result.failed:
            print(f"=== {result.stage.name} {result.outcome.partition(',')[0]} in {result.seconds} s", flush=True)

    def add_stopped(self, result: Result) -> None:
        """Note a stage that was stopped because another one failed."""
        self._results[result.stage.name] = result

    def close(self) -> None:
        """Print the table in the order of the plan, the reasons of skipped stages, and the counts of all tests."""
        results = [self._results[stage.name] for stage in STAGES if stage.name in self._results]
        seconds = int(time.monotonic() - self._started)
        print(f"\n{'stage':<14} {'seconds':>7}  ")
        for one in results:
            print(f"{one.stage.name:<14} {one.seconds:>7}  {one.outcome}")
        print(f"{'total':<14} {seconds:>7}\n")
        for line in (line for one in results for line in one.skips):
            print(line)
        counts: Counter[str] = sum((one.counts for one in results if one.status is not None), Counter())
        passed, failed, skipped = (counts[name] for name in ("passed", "failed", "skipped"))
        print(f"=== {passed} passed, {failed} failed, {skipped} skipped in {seconds} s ===", flush=True)


def show(result: Result) -> None:
    """Print the output of a stage under its command."""
    print(f"\n=== {result.stage.name}: {' '.join(result.stage.command)}\n{result.output}", end="", flush=True)


def progress(running: Mapping[str, int]) -> None:
    """Print which stages are running, and for how long."""
    print(f"... running: {', '.join(f'{name} {seconds} s' for name, seconds in running.items())}", flush=True)
