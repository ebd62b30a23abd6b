"""Threads that are kept and read many ranges at once.

A ThreadPoolExecutor does the same. Its import takes 11 of the 500 ms of a cold search, because it imports logging.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread

from vectord.errors import StoreError


class _Job[T, R]:
    """Calls of one function, which several threads share: each takes the next call when it is free."""

    def __init__(self, work: Callable[[T], R], values: Sequence[T]) -> None:
        self._work, self._values = work, values
        self._remaining, self._lock = iter(range(len(values))), Lock()
        self._results: dict[int, R] = {}
        self._errors: dict[int, StoreError] = {}
        self._ended: SimpleQueue[None] = SimpleQueue()

    def run(self) -> None:
        """Make calls until none is left."""
        while True:
            with self._lock:
                number = next(self._remaining, None)
            if number is None:
                return
            try:
                self._results[number] = self._work(self._values[number])
            except StoreError as error:
                self._errors[number] = error
            finally:
                self._ended.put(None)

    def results(self) -> list[R]:
        """Wait for all calls, and return their results, or raise the first error in the order of the values."""
        for _ in self._values:
            self._ended.get()
        if self._errors:
            raise self._errors[min(self._errors)]
        # Any other error has ended its thread. The call is repeated, so that its caller gets the error.
        return [self._results[n] if n in self._results else self._work(v) for n, v in enumerate(self._values)]


class Workers:
    """At most `limit` threads, the caller's included. They start when they are needed, and end with the process."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit, self._name = limit, name
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock, self._threads = Lock(), 0

    def map[T, R](self, work: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """Return `work` of each value, in the order of `values`.

        Raises:
            StoreError: the first one in the order of `values`; all other calls have ended.
        """
        job = _Job(work, values)
        helpers = min(self._limit, len(values)) - 1
        for _ in range(helpers):
            self._jobs.put(job.run)
        with suppress(RuntimeError):  # no more threads can be started: this one does the rest
            self._start(helpers)
        job.run()
        return job.results()

    def _start(self, count: int) -> None:
        """Start threads until there are `count`."""
        with self._lock:
            while self._threads < count:
                Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
                self._threads += 1

    def _serve(self) -> None:
        try:
            while True:
                self._jobs.get()()
        finally:
            with self._lock:
                self._threads -= 1
