"""Run a load for a coroutine: in a thread, whose requests the event loop sends."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Event
from typing import Any, TypeVar

from vectord_client.async_session import AsyncSession
from vectord_client.load.job import Session
from vectord_client.wire.call import Call, Plan

T = TypeVar("T")


class LoopSession:
    """The session of a thread, whose calls an `AsyncSession` makes in its event loop."""

    def __init__(self, session: AsyncSession, loop: asyncio.AbstractEventLoop) -> None:
        self._session, self._loop = session, loop
        self.transport: Any = getattr(session.transport, "transport", session.transport)  # that of embedded mode
        self.target, self.timeout, self.concurrency = session.target, session.timeout, session.concurrency

    def run(self, call: Call[Any]) -> Any:
        """Return the value of a call."""
        return self._wait(self._session.run(call))

    def follow(self, plan: Plan[Any]) -> Any:
        """Return the value of a plan."""
        return self._wait(self._session.follow(plan))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def in_thread(session: AsyncSession, work: Callable[[Session, Event], T]) -> T:
    """Return the value of `work`, which runs in a thread; if this task is cancelled, stop it and wait for its end.

    The end comes soon: `work` does not begin another batch. Another cancellation does not shorten it, so that no thread
    writes after the task ended.
    """
    stop = Event()
    loop_session = LoopSession(session, asyncio.get_running_loop())
    task = asyncio.ensure_future(asyncio.to_thread(work, loop_session, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # retrieved, so that it is not reported as lost
        raise
