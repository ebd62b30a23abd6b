"""All rows of an index, page after page."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from vectord_client.session import Session
from vectord_client.values import Row
from vectord_client.wire import operations
from vectord_client.wire.answers import Page
from vectord_client.wire.call import Call


class Rows:
    """An iterable of `Row`. Each iteration reads the index again, one page at a time."""

    def __init__(self, session: Session, name: str, *, segments: int, concurrency: int, **parameters: Any) -> None:
        self._session, self._name, self._parameters = session, name, parameters
        self._segments, self._concurrency = segments, concurrency

    def __repr__(self) -> str:
        return f"<Rows of {self._name!r}>"

    def __iter__(self) -> Iterator[Row]:
        if self._segments == 1:
            for page in self._session.pages(self._page):
                yield from page.items
            return
        yield from self._side_by_side()

    def to_list(self) -> list[Row]:
        """Return all rows."""
        return list(self)

    def _page(self, cursor: str | None, segment: int | None = None) -> Call[Page]:
        segments = None if segment is None else self._segments
        return operations.rows(self._name, cursor=cursor, segment=segment, segments=segments, **self._parameters)

    def _side_by_side(self) -> Iterator[Row]:
        for segment in range(self._segments):
            for page in self._session.pages(partial(self._page, segment=segment)):
                yield from page.items
