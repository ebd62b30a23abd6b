"""All rows of an index, page after page, for coroutines."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from vectord_client import tables
from vectord_client.async_session import AsyncSession
from vectord_client.rowset import Listing
from vectord_client.values import Row
from vectord_client.wire.answers import Page, next_cursor


class AsyncRows:
    """An asynchronous iterable of `Row`. Each iteration reads the index from its start, page by page."""

    def __init__(self, session: AsyncSession, listing: Listing) -> None:
        self._session, self._listing = session, listing

    def __repr__(self) -> str:
        return f"<AsyncRows of {self._listing.name!r}>"

    async def __aiter__(self) -> AsyncIterator[Row]:
        pages = self._session.pages(self._listing.page) if self._listing.segments == 1 else self._side_by_side()
        async for page in pages:
            for row in page.items:
                yield row

    async def to_list(self) -> list[Row]:
        """Return all rows."""
        return [row async for row in self]

    async def to_pandas(self) -> Any:
        """Return a DataFrame, as `Rows.to_pandas` does."""
        return tables.to_pandas(await self.to_list(), self._listing.vectors)

    async def to_arrow(self) -> Any:
        """Return an Arrow table, as `Rows.to_arrow` does."""
        return tables.to_arrow(await self.to_list(), self._listing.vectors)

    async def _side_by_side(self) -> AsyncGenerator[Page, None]:
        """Yield pages of all segments as they arrive, with one request of each segment in flight at most."""
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        waiting: list[tuple[int, str | None]] = [(segment, None) for segment in range(self._listing.segments)]
        running: dict[asyncio.Task[Page], tuple[int, str | None]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._session.concurrency:
                    segment, cursor = waiting.pop()
                    task = asyncio.create_task(self._session.run(self._listing.page(cursor, segment)))
                    running[task] = (segment, cursor)
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    segment, cursor = running.pop(task)
                    page = task.result()
                    yield page
                    if (following := next_cursor(page, cursor)) is not None:
                        waiting.append((segment, following))
        finally:
            for task in running:
                task.cancel()
