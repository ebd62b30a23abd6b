"""Copy the segments of an index: a thread reads each, one writer sends batches and then notes how far each segment is.

There is one writer because each batch is a commit of the whole index: writers side by side would meet conflicts.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event

from tools.command.interrupts import shield
from tools.migrate.rows import Rows, encoded
from tools.migrate.source import Page, Source, TokenRefused
from tools.migrate.state import State
from tools.migrate.workers import Workers

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Progress:
    """Vectors copied in all and in this run, the seconds of this run, and how many segments are complete."""

    rows: int
    rows_now: int
    seconds: float
    done: int
    segments: int
    restarted: int


@dataclass(frozen=True)
class _Read:
    """A page of a segment; `restart` says that it is the first page again, because the token was refused."""

    segment: int
    rows: Sequence[bytes]
    token: str | None
    restart: bool = False


class Copy:
    """One run over the segments that are not complete."""

    def __init__(self, source: Source, rows: Rows, state: State, show: Callable[[Progress], None]) -> None:
        self._source, self._rows, self._state, self._show = source, rows, state, show
        self._queue: Queue[_Read] = Queue(maxsize=len(state.segments))
        self._started, self._before = time.monotonic(), state.rows
        self._restarted = 0
        self._batch, self._complete = rows.batch(), list[_Read]()

    def run(self) -> Progress:
        """Copy until every segment is complete.

        Raises:
            MigrationFailed: the source or the destination refused a request, or does not answer.
        """
        left = [number for number, segment in enumerate(self._state.segments) if not segment.done]
        with Workers(self._read, left) as readers:
            self._write(readers, len(left))
        if not left:
            self._show(self._progress())
        return self._progress()

    def _read(self, number: int, stop: Event) -> None:
        """Read the pages of a segment into the queue."""
        token: str | None = self._state.segments[number].token
        first = True
        while not stop.is_set() and (first or token):
            page, restart = self._page(number, token)
            token, first = page.token, False
            self._put(_Read(number, [encoded(one) for one in page.vectors], token, restart), stop)

    def _page(self, number: int, token: str | None) -> tuple[Page, bool]:
        """Read a page; from the start of the segment, and True, if the token is refused."""
        segments = len(self._state.segments)
        try:
            return self._source.page(number, segments, token), False
        except TokenRefused:
            return self._source.page(number, segments, None), True

    def _put(self, read: _Read, stop: Event) -> None:
        while not stop.is_set():
            try:
                self._queue.put(read, timeout=POLL_SECONDS)
            except Full:
                continue
            return

    def _write(self, readers: Workers, left: int) -> None:
        """Send what is read. After an error of a reader, send what was read before: it is worth keeping."""
        while left:
            try:
                read = self._queue.get(timeout=POLL_SECONDS)
            except Empty:
                if readers.alive or not self._queue.empty():
                    continue
                self._flush()
                readers.check()
            self._append(read)
            left -= read.token is None
        self._flush()

    def _append(self, read: _Read) -> None:
        for row in read.rows:
            self._batch.append(row)
            if self._batch.full:
                self._send()
        self._complete.append(read)
        if not self._batch.rows:
            self._acknowledge()

    def _flush(self) -> None:
        if self._batch.rows:
            self._send()
        self._acknowledge()

    def _send(self) -> None:
        self._rows.add(self._batch)
        self._batch = self._rows.batch()
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Note the pages whose rows were all acknowledged."""
        if not self._complete:
            return
        for read in self._complete:
            segment = self._state.segments[read.segment]
            self._restarted += read.restart
            segment.rows = len(read.rows) + (0 if read.restart else segment.rows)
            segment.token, segment.done = read.token, read.token is None
        self._complete = []
        with shield():
            self._state.save()
        self._show(self._progress())

    def _progress(self) -> Progress:
        segments = self._state.segments
        rows, done = self._state.rows, sum(segment.done for segment in segments)
        seconds = time.monotonic() - self._started
        return Progress(rows, rows - self._before, seconds, done, len(segments), self._restarted)


def copy(source: Source, rows: Rows, state: State, show: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Copy what `state` says is left, and keep it up to date.

    Raises:
        MigrationFailed: the source or the destination refused a request, or does not answer. A later run continues.
    """
    return Copy(source, rows, state, show).run()
