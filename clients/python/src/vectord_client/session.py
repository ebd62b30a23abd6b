"""Drive calls, plans and pages: the part of the client that sends and sleeps, for threads and for coroutines."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from vectord_client.errors import AnswerInvalid, ClientClosed, TransportError, VectordError
from vectord_client.wire.answers import Page
from vectord_client.wire.call import Call, Plan, Work
from vectord_client.wire.request import AsyncTransport, Transport
from vectord_client.wire.retry import RetryPolicy, Send, steps

T = TypeVar("T")


class Session:
    """Sends calls through a transport. Several threads may use it at once."""

    def __init__(
        self, transport: Transport, policy: RetryPolicy, timeout: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.transport, self.policy, self.timeout, self._sleep = transport, policy, timeout, sleep
        self._closed = False

    def run(self, call: Call[T]) -> T:
        """Return the value of a call, after repeats if it needs them."""
        if self._closed:
            raise _closed()
        todo = steps(call, self.policy, self.timeout, clock=time.monotonic, wall=time.time, jitter=random.random)
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
                except TransportError as error:
                    outcome = error
            else:
                self._sleep(step.seconds)

    def follow(self, plan: Plan[T]) -> T:
        """Return the value of a plan."""
        try:
            call = next(plan)
            while True:
                try:
                    value = call.run() if isinstance(call, Work) else self.run(call)
                except VectordError as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(value)
        except StopIteration as end:
            result: T = end.value
            return result

    def pages(self, page_at: Callable[[str | None], Call[Page]]) -> Iterator[Page]:
        """Yield the pages of a listing. A page may be short, or empty, before the end."""
        cursor: str | None = None
        while True:
            page = self.run(page_at(cursor))
            yield page
            cursor = next_cursor(page, cursor)
            if cursor is None:
                return

    def close(self) -> None:
        self._closed = True
        self.transport.close()


class AsyncSession:
    """Sends calls of coroutines through a transport."""

    def __init__(self, transport: AsyncTransport, policy: RetryPolicy, timeout: float) -> None:
        self.transport, self.policy, self.timeout = transport, policy, timeout
        self._closed = False

    async def run(self, call: Call[T]) -> T:
        """Return the value of a call, after repeats if it needs them."""
        from asyncio import sleep  # noqa: PLC0415  synchronous programs do without it

        if self._closed:
            raise _closed()
        todo = steps(call, self.policy, self.timeout, clock=time.monotonic, wall=time.time, jitter=random.random)
        outcome: Any = None
        while True:
            try:
                step = todo.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value
            if isinstance(step, Send):
                try:
                    outcome = await self.transport.send(step.request, step.timeout)
                except TransportError as error:
                    outcome = error
            else:
                await sleep(step.seconds)

    async def follow(self, plan: Plan[T]) -> T:
        """Return the value of a plan."""
        from asyncio import to_thread  # noqa: PLC0415  synchronous programs do without it

        try:
            call = next(plan)
            while True:
                try:
                    value = await (to_thread(call.run) if isinstance(call, Work) else self.run(call))
                except VectordError as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(value)
        except StopIteration as end:
            result: T = end.value
            return result

    async def pages(self, page_at: Callable[[str | None], Call[Page]]) -> AsyncIterator[Page]:
        """Yield the pages of a listing. A page may be short, or empty, before the end."""
        cursor: str | None = None
        while True:
            page = await self.run(page_at(cursor))
            yield page
            cursor = next_cursor(page, cursor)
            if cursor is None:
                return

    async def close(self) -> None:
        self._closed = True
        await self.transport.close()


def next_cursor(page: Page, cursor: str | None) -> str | None:
    """Return the cursor of the next page, None at the end.

    Raises:
        AnswerInvalid: The cursor is that of the page itself, so that the listing would not end.
    """
    if page.next is not None and page.next == cursor:
        raise AnswerInvalid("The service sent a page whose cursor leads to the same page.")
    return page.next


def _closed() -> ClientClosed:
    return ClientClosed("The client is closed; make a new one.")
