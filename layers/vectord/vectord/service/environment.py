"""What the service takes from outside: time, sleep, chance and fresh ids; and how long it keeps trying."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local

import msgspec

from vectord.errors import ObjectChanged, StorageSilent, StoreError, StoreUnavailable


def _new_id() -> str:
    return uuid.uuid4().hex


class Meter(local):
    """Counts what happens during a request, for each thread apart; the edge drains it into the request's log line."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def add(self, name: str, value: float = 1) -> None:
        self._values[name] = self._values.get(name, 0) + value

    def value(self, name: str) -> float:
        return self._values.get(name, 0)

    def drain(self) -> dict[str, float]:
        values, self._values = self._values, {}
        return values


class Environment(msgspec.Struct, frozen=True):
    """Injected, so that tests decide; `now` in seconds on a clock that only goes forward."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    new_id: Callable[[], str] = _new_id
    meter: Meter = msgspec.field(default_factory=Meter)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Meter how long the block takes, in milliseconds."""
        start = self.now()
        try:
            yield
        finally:
            self.meter.add(name, (self.now() - start) * 1000)


class RetryPolicy(msgspec.Struct, frozen=True):
    """Bounds of a retry loop: so many attempts, waits with full jitter up to `base` * 2^n and `cap` seconds.

    Full jitter as in Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """

    max_attempts: int = 24
    base: float = 0.05
    cap: float = 1.0

    def attempts(self, environment: Environment, until: float) -> Iterator[int]:
        """Yield the number of each attempt, the first at once; wait in between, and end rather than start one late."""
        for attempt in range(self.max_attempts):
            if attempt:
                wait = environment.uniform(0, min(self.cap, self.base * 2.0 ** (attempt - 1)))
                if environment.now() + wait >= until:
                    return
                environment.sleep(wait)
            yield attempt

    def run[R](self, environment: Environment, until: float, read: Callable[[], R]) -> R:
        """Return what `read` does, tried again while storage does not answer or the object moves under the reader.

        Raises:
            StorageSilent: it never did.
        """
        silence: StoreError | None = None
        for _ in self.attempts(environment, until):
            try:
                return read()
            except (StoreUnavailable, ObjectChanged) as error:
                silence = error
        raise StorageSilent from silence
