"""Drive calls, plans and pages for threads: the part of the synchronous client that sends and sleeps."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from vectord_client.errors import ArgumentInvalid, ClientClosed, TransportError, VectordError
from vectord_client.wire.answers import Page, next_cursor
from vectord_client.wire.call import Call, Plan, SideBySide, Work
from vectord_client.wire.request import Transport
from vectord_client.wire.retry import RetryPolicy, Send, Steps, steps

T = TypeVar("T")


def takes_rows(transport: Any) -> bool:
    """Return True if a transport accepts requests with `rows`."""
    return getattr(transport, "takes_rows", False)


class Session:
    """Sends calls through a transport. Several threads may use it at once."""

    def __init__(
        self,
        transport: Transport,
        policy: RetryPolicy,
        timeout: float,
        *,
        target: str = "",
        concurrency: int = 8,
        embedder: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.transport, self.policy, self.timeout, self.target = transport, policy, timeout, target
        self.concurrency, self.embedder, self._sleep = concurrency, embedder, sleep
        self._connected = self._closed = False

    @property
    def in_process(self) -> bool:
        """True if the service is in this process, and takes rows as they are: embedded mode."""
        return takes_rows(self.transport)

    def run(self, call: Call[T]) -> T:
        """Return the value of a call, after repeats if it needs them."""
        check_open(self._closed)
        todo = attempts(call, self.policy, self.timeout, connected=self._connected)
        outcome: Any = None
        while True:
            try:
                step = todo.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value
            if isinstance(step, Send):
                try:
                    outcome = self.transport.send(step.request, step.timeout)
                    self._connected = True
                except TransportError as error:
                    outcome = error
            else:
                self.sleep(step.seconds)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    def follow(self, plan: Plan[T]) -> T:
        """Return the value of a plan."""
        try:
            step = next(plan)
            while True:
                try:
                    value = self._made(step)
                except VectordError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(value)
        except StopIteration as end:
            result: T = end.value
            return result

    def _made(self, step: Call[Any] | SideBySide | Work[Any]) -> Any:
        if isinstance(step, Work):
            return step.run()
        return self._side_by_side(step) if isinstance(step, SideBySide) else self.run(step)

    def pages(self, page_at: Callable[[str | None], Call[Page]]) -> Iterator[Page]:
        """Yield the pages of a listing. A page may be short, or empty, before the end."""
        cursor: str | None = None
        while True:
            page = self.run(page_at(cursor))
            yield page
            cursor = next_cursor(page, cursor)
            if cursor is None:
                return

    def _side_by_side(self, step: SideBySide) -> list[Any]:
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait  # noqa: PLC0415  rarely used

        outcomes: dict[int, Any] = {}
        running: dict[Future[Any], int] = {}

        def collect() -> bool:
            """Wait for a call to end; return True if one has failed."""
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcomes[running.pop(future)] = future.result()
            return any(isinstance(outcome, VectordError) for outcome in outcomes.values())

        with ThreadPoolExecutor(step.most, "vectord") as pool:
            for number, call in enumerate(step.calls):
                if len(running) >= step.most and collect():
                    break
                running[pool.submit(self._outcome, call)] = number
            while running:
                collect()
        return [outcomes[number] for number in sorted(outcomes)]

    def _outcome(self, call: Call[Any]) -> Any:
        try:
            return self.run(call)
        except VectordError as error:
            return error

    def close(self) -> None:
        self._closed = True
        self.transport.close()


def attempts(call: Call[T], policy: RetryPolicy, timeout: float, *, connected: bool = False) -> Steps[T]:
    """Return the steps of a call by the clocks of this machine."""
    return steps(call, policy, timeout, connected=connected, clock=time.monotonic, wall=time.time, jitter=random.random)


def check_bounds(timeout: float, concurrency: int) -> None:
    """Check the bounds that a client gets.

    Raises:
        ArgumentInvalid: The timeout is not a positive number of seconds, or the concurrency not a positive integer.
    """
    if not isinstance(timeout, int | float) or not timeout > 0:  # NaN neither
        raise ArgumentInvalid(f"timeout is {timeout!r:.80}: give a positive number of seconds.")
    if not isinstance(concurrency, int) or concurrency < 1:
        raise ArgumentInvalid(f"concurrency is {concurrency!r:.80}: give the most requests at once, 1 or more.")


def check_open(closed: bool) -> None:
    """Raise ClientClosed if a client is closed."""
    if closed:
        raise ClientClosed("The client is closed; make a new one.")
