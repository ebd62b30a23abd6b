"""Run stages in lanes: those of a lane one after the other, the lanes side by side. The first failure ends the run."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.ci import descendants
from tools.ci.plan import Stage
from tools.ci.report import Result
from tools.command.interrupts import shield

POLL_SECONDS: Final = 0.05
PROGRESS_SECONDS: Final = 60.0


@dataclass(frozen=True)
class _Running:
    stage: Stage
    process: subprocess.Popen[bytes]
    log: Path
    started: float

    @property
    def seconds(self) -> int:
        return int(time.monotonic() - self.started)

    def result(self, status: int | None) -> Result:
        return Result(self.stage, status, self.seconds, self.log.read_text(errors="replace"))


class Lanes:
    """Runs stages with their output in `logs`.

    `ended` gets the result of each stage that ends. `running` gets the seconds of the stages in progress, by name,
    whenever no stage has ended for `every` seconds.
    """

    def __init__(
        self,
        logs: Path,
        ended: Callable[[Result], None],
        running: Callable[[Mapping[str, int]], None],
        every: float = PROGRESS_SECONDS,
    ) -> None:
        self._logs, self._ended, self._show, self._every = logs, ended, running, every
        self._running: dict[int, _Running] = {}  # by the number of the lane
        self._groups: set[int] = set()  # of all stages

    def run(self, *lanes: Sequence[Stage]) -> bool:
        """Run all stages of the lanes; return False as soon as one has failed, with the others still running."""
        waiting = [list(lane) for lane in lanes]
        shown = time.monotonic()
        while self._start(waiting):
            time.sleep(POLL_SECONDS)
            for number, one in list(self._running.items()):
                if (status := one.process.poll()) is not None:
                    shown = time.monotonic()
                    del self._running[number]
                    self._ended(one.result(status))
                    if status != 0:
                        return False
            if time.monotonic() - shown > self._every:
                shown = time.monotonic()
                self._show({one.stage.name: one.seconds for one in self._running.values()})
        return True

    def stop(self) -> list[Result]:
        """Stop the stages in progress and every process that any stage has left; return what they were."""
        descendants.end(self._groups)
        stopped = [one.result(None) for one in self._running.values()]
        self._running.clear()
        return stopped

    def _start(self, waiting: list[list[Stage]]) -> bool:
        """Start the next stage of each idle lane; return True while one is in progress."""
        for number, stages in enumerate(waiting):
            if stages and number not in self._running:
                with shield():
                    self._running[number] = self._started(stages.pop(0))
        return bool(self._running)

    def _started(self, stage: Stage) -> _Running:
        """Start a stage as the leader of a process group."""
        log = self._logs / stage.name
        with log.open("wb") as output:
            command = ["nice", f"-n{stage.nice}", *stage.command]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)
        self._groups.add(process.pid)
        return _Running(stage, process, log, time.monotonic())
