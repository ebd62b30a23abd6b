"""The injected environment: clock, sleep, randomness, ids and meter; and the retry policy."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Final

import msgspec

from vectord.errors import DeadlineExceeded, ObjectChanged, StorageSilent, StoreError, StoreUnavailable, WriteConflict
from vectord.service.values.options import Deadline

_MAX_DOUBLINGS: Final = 64  # of a wait; a float overflows after 1,023


def _new_id() -> str:
    return uuid.uuid4().hex


class Commit(msgspec.Struct, frozen=True, array_like=True):
    """A write of one object: its ETags before and after; None where the object does not exist."""

    name: str
    before: str | None
    after: str | None


class ReadCost(msgspec.Struct, frozen=True):
    """Bytes that were read from storage, the requests for them, and the rounds of requests one after the other."""

    bytes: int = 0
    requests: int = 0
    rounds: int = 0

    def since(self, before: "ReadCost") -> "ReadCost":
        """Return the difference from an earlier count."""
        return ReadCost(self.bytes - before.bytes, self.requests - before.requests, self.rounds - before.rounds)


class Meter(local):
    """Counts what happens during a request, separately in each thread; the edge drains it into the log line.

    `commits` lists the writes since the last drain.
    """

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self.commits: list[Commit] = []

    def add(self, name: str, value: float = 1) -> None:
        self._values[name] = self._values.get(name, 0) + value

    def value(self, name: str) -> float:
        return self._values.get(name, 0)

    def read(self) -> ReadCost:
        """Return what was read from storage so far."""
        value = self._values.get
        return ReadCost(int(value("ReadBytes", 0)), int(value("ReadRequests", 0)), int(value("ReadRounds", 0)))

    def drain(self) -> dict[str, float]:
        """Return the counts, and forget them and the commits."""
        values, self._values, self.commits = self._values, {}, []
        return values


def _uniform(least: float, most: float) -> float:
    """Return a random number between two."""
    import random  # noqa: PLC0415  takes 2 ms, and only a retry needs it

    return random.uniform(least, most)


class Environment(msgspec.Struct, frozen=True):
    """Clocks, sleep, randomness, ids and meter, injected for tests.

    `now` returns seconds of a monotonic clock, `wall` the seconds since 1970.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = _uniform
    new_id: Callable[[], str] = _new_id
    meter: Meter = msgspec.field(default_factory=Meter)
    wall: Callable[[], float] = time.time

    def left(self, deadline: Deadline) -> float:
        """Return the seconds until the deadline."""
        return deadline.at - self.now()

    def check(self, deadline: Deadline) -> None:
        """Raise DeadlineExceeded after the deadline."""
        if self.now() >= deadline.at:
            raise DeadlineExceeded

    def pause(self, seconds: float, deadline: Deadline) -> bool:
        """Sleep for `seconds`; return False at once if that ends after the deadline."""
        if self.now() + seconds >= deadline.at:
            return False
        self.sleep(seconds)
        return True

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the duration of the block to the meter, in milliseconds."""
        start = self.now()
        try:
            yield
        finally:
            self.meter.add(name, (self.now() - start) * 1000)


class RetryPolicy(msgspec.Struct, frozen=True):
    """Bounds of a retry loop: `max_attempts`, and waits with full jitter up to `base` * 2^n and `cap` seconds.

    Full jitter as in Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """

    max_attempts: int = 24
    base: float = 0.05
    cap: float = 1.0

    def wait(self, attempt: int, environment: Environment, deadline: Deadline) -> bool:
        """Wait before attempt number `attempt`, from 1; return False at once if that ends after the deadline."""
        seconds = environment.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS)))
        return environment.pause(seconds, deadline)

    def run[R](self, environment: Environment, deadline: Deadline, read: Callable[[], R]) -> R:
        """Return the result of `read`, repeated while storage does not answer, or another operation interferes.

        `read` may also write, if a repetition does no harm.

        Raises:
            StorageSilent: every attempt failed.
        """
        failure: StoreError | None = None
        for attempt in range(self.max_attempts):
            if attempt and not self.wait(attempt, environment, deadline):
                break
            try:
                return read()
            except (StoreUnavailable, ObjectChanged, WriteConflict) as error:
                failure = error
        raise StorageSilent from failure
