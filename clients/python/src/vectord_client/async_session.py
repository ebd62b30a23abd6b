"""Drive calls, plans and pages for coroutines: the part of the asynchronous client that sends and sleeps."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from vectord_client.errors import TransportError, VectordError
from vectord_client.session import attempts, check_open, takes_rows
from vectord_client.wire.answers import Page, next_cursor
from vectord_client.wire.call import Call, Plan, SideBySide, Work
from vectord_client.wire.request import AsyncTransport, Request, Response, Transport
from vectord_client.wire.retry import RetryPolicy, Send

T = TypeVar("T")


class InThreads:
    """Sends requests of coroutines through a synchronous transport, in threads."""

    def __init__(self, transport: Transport) -> None:
        self.transport, self.takes_rows = transport, takes_rows(transport)

    async def send(self, request: Request, timeout: float) -> Response:
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        return await asyncio.to_thread(self.transport.send, request, timeout)

    async def close(self) -> None:
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        await asyncio.to_thread(self.transport.close)


class AsyncSession:
    """Sends calls of coroutines through a transport."""

    def __init__(
        self,
        transport: AsyncTransport,
        policy: RetryPolicy,
        timeout: float,
        *,
        target: str = "",
        concurrency: int = 8,
        embedder: Any = None,
    ) -> None:
        self.transport, self.policy, self.timeout, self.target = transport, policy, timeout, target
        self.concurrency, self.embedder = concurrency, embedder
        self._connected = self._closed = False

    @property
    def in_process(self) -> bool:
        """True if the service is in this process, and takes rows as they are: embedded mode."""
        return takes_rows(self.transport)

    async def run(self, call: Call[T]) -> T:
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
                    outcome = await self.transport.send(step.request, step.timeout)
                    self._connected = True
                except TransportError as error:
                    outcome = error
            else:
                await self.sleep(step.seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait, without blocking the thread."""
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        await asyncio.sleep(seconds)

    async def follow(self, plan: Plan[T]) -> T:
        """Return the value of a plan."""
        try:
            step = next(plan)
            while True:
                try:
                    value = await self._made(step)
                except VectordError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(value)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _made(self, step: Call[Any] | SideBySide | Work[Any]) -> Any:
        if isinstance(step, Work):
            import asyncio  # noqa: PLC0415  15 ms that only coroutines need

            return await asyncio.to_thread(step.run)
        return await (self._side_by_side(step) if isinstance(step, SideBySide) else self.run(step))

    async def pages(self, page_at: Callable[[str | None], Call[Page]]) -> AsyncIterator[Page]:
        """Yield the pages of a listing. A page may be short, or empty, before the end."""
        cursor: str | None = None
        while True:
            page = await self.run(page_at(cursor))
            yield page
            cursor = next_cursor(page, cursor)
            if cursor is None:
                return

    async def _side_by_side(self, step: SideBySide) -> list[Any]:
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        outcomes: dict[int, Any] = {}
        running: dict[asyncio.Task[Any], int] = {}

        async def collect() -> bool:
            """Wait for a call to end; return True if one has failed."""
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                outcomes[running.pop(task)] = task.result()
            return any(isinstance(outcome, VectordError) for outcome in outcomes.values())

        try:
            for number, call in enumerate(step.calls):
                if len(running) >= step.most and await collect():
                    break
                running[asyncio.create_task(self._outcome(call))] = number
            while running:
                await collect()
        finally:
            for task in running:
                task.cancel()
        return [outcomes[number] for number in sorted(outcomes)]

    async def _outcome(self, call: Call[Any]) -> Any:
        try:
            return await self.run(call)
        except VectordError as error:
            return error

    async def close(self) -> None:
        self._closed = True
        await self.transport.close()
