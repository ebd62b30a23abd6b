"""A thread for each segment, which a command can stop and leave behind at any time."""

import time
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from tools.command.errors import MigrationFailed

JOIN_SECONDS = 5.0  # a thread may be in a request; it ends with the process


class Workers:
    """Runs `work(number, stop)` for each number in a thread of its own; `stop` is set when the block is left."""

    def __init__(self, work: Callable[[int, Event], None], numbers: Iterable[int]) -> None:
        self._work, self._stop = work, Event()
        self._threads = [Thread(target=self._run, args=(number,), daemon=True) for number in numbers]
        self._ended, self._error = 0, None
        self._lock = Lock()

    _error: MigrationFailed | None  # the first one that a thread raised

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def alive(self) -> bool:
        """True while a thread runs."""
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> None:
        """Wait until every thread has ended, in steps of `seconds`, so that signals are seen.

        Raises:
            MigrationFailed: a thread raised it.
        """
        while self.alive and self._error is None:
            for thread in self._threads:
                thread.join(seconds)
        self.check()

    def check(self) -> None:
        """Raise the error of a thread, or a RuntimeError if a thread ended by a defect, which it printed."""
        if self._error is not None:
            raise self._error
        if self._ended < len(self._threads):
            raise RuntimeError("a thread ended before its work did")

    def _run(self, number: int) -> None:
        try:
            self._work(number, self._stop)
        except MigrationFailed as error:
            self._error = self._error or error
            self._stop.set()
        with self._lock:
            self._ended += 1
