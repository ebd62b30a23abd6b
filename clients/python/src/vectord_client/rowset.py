"""All rows of an index, page after page."""

from collections.abc import Generator, Iterator
from typing import Any, Final

from vectord_client import tables
from vectord_client.errors import ArgumentInvalid
from vectord_client.session import Session
from vectord_client.values import Row
from vectord_client.wire import operations
from vectord_client.wire.answers import Page, next_cursor
from vectord_client.wire.call import Call

_MOST: Final = 1_000  # segments, and rows of a page


class Listing:
    """Which rows are listed, in how many segments."""

    def __init__(self, name: str, segments: int, vectors: bool, page_size: int, **parameters: Any) -> None:
        """Raise ArgumentInvalid if `segments` or `page_size` is not a number that the API accepts."""
        for option, value in (("segments", segments), ("page_size", page_size)):
            if not isinstance(value, int) or not 1 <= value <= _MOST:
                raise ArgumentInvalid(f"{option} is {value!r:.80}: give a number from 1 to {_MOST:,}.")
        self.name, self.segments, self.vectors = name, segments, vectors
        self._parameters = {"limit": page_size, **parameters}

    def page(self, cursor: str | None, segment: int | None = None) -> Call[Page]:
        """Return the call for one page, of one segment if there are several."""
        return operations.rows(
            self.name,
            cursor=cursor,
            include=("metadata", "vector") if self.vectors else ("metadata",),
            segment=segment,
            segments=None if segment is None else self.segments,
            **self._parameters,
        )


class Rows:
    """An iterable of `Row`. Each iteration reads the index from its start; pages are fetched as they are needed."""

    def __init__(self, session: Session, listing: Listing) -> None:
        self._session, self._listing = session, listing

    def __repr__(self) -> str:
        return f"<Rows of {self._listing.name!r}>"

    def __iter__(self) -> Iterator[Row]:
        pages = self._session.pages(self._listing.page) if self._listing.segments == 1 else self._side_by_side()
        for page in pages:
            yield from page.items

    def to_list(self) -> list[Row]:
        """Return all rows."""
        return list(self)

    def to_pandas(self) -> Any:
        """Return a DataFrame: `id`, `vector` if it was asked for, and a column for each key of the metadata.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return tables.to_pandas(self.to_list(), self._listing.vectors)

    def to_arrow(self) -> Any:
        """Return an Arrow table with the columns of an export: `id`, `vector` if asked for, `metadata` as JSON text.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        return tables.to_arrow(self.to_list(), self._listing.vectors)

    def _side_by_side(self) -> Generator[Page, None, None]:
        """Yield pages of all segments as they arrive, with one request of each segment in flight at most."""
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait  # noqa: PLC0415  rarely used

        waiting: list[tuple[int, str | None]] = [(segment, None) for segment in range(self._listing.segments)]
        running: dict[Future[Page], tuple[int, str | None]] = {}
        with ThreadPoolExecutor(self._session.concurrency, "vectord") as pool:
            while waiting or running:
                while waiting and len(running) < self._session.concurrency:
                    segment, cursor = waiting.pop()
                    running[pool.submit(self._session.run, self._listing.page(cursor, segment))] = (segment, cursor)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    segment, cursor = running.pop(future)
                    page = future.result()
                    yield page
                    if (following := next_cursor(page, cursor)) is not None:
                        waiting.append((segment, following))
