"""Read, cut and send: batches side by side with a bound, each acknowledgement into the journal."""

import time
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final

import msgspec

from vectord_client.errors import BadItem, VectordError
from vectord_client.load.errors import LoadError, LoadInterrupted, SourceChanged
from vectord_client.load.journal import RESTORE, Journal
from vectord_client.load.progress import Meter
from vectord_client.load.report import LoadReport, Tally
from vectord_client.load.send import Outcome, Sender, digest_of
from vectord_client.load.sources.base import Source
from vectord_client.rows.batches import BATCH_ROWS, Batch, Costs, cut
from vectord_client.rows.block import Block
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape

_POLL: Final = 0.2  # seconds between two looks at `stop`
_GRACE: Final = 30.0  # seconds for the batches in flight after an interruption


class Cut(msgspec.Struct, frozen=True):
    """How rows are cut into batches, and how many of them are in flight."""

    costs: Costs
    batch_bytes: int
    concurrency: int
    batch_rows: int = BATCH_ROWS


class _Stopped(Exception):
    """The caller stopped the load."""


class Loading:
    """One run of a load, in one thread, with a thread for each batch in flight."""

    def __init__(self, source: Source, journal: Journal, sender: Sender, meter: Meter, stop: Event) -> None:
        """Make a run that ends early when `stop` is set."""
        self._source, self._journal, self._sender, self._meter, self._stop = source, journal, sender, meter, stop
        self._tally = Tally()
        self._left: dict[str, BadItem] = {}  # rows of acknowledged batches that differ in the index
        self._running: dict[int, frozenset[str]] = {}  # the ids of each batch in flight
        self._outcomes: Queue[tuple[int, Outcome | BaseException]] = Queue()

    def run(self, names: Names, shape: Shape, how: Cut) -> LoadReport:
        """Load all rows, and return the report.

        Raises:
            LoadInterrupted: by Ctrl-C, after the batches in flight were acknowledged.
        """
        started = time.monotonic()
        try:
            for batch in cut(self._watched(names, shape), how.costs, how.batch_bytes, how.batch_rows):
                self._take(batch, how.concurrency)
            while self._running:
                self._collect()
            self._source.check()
            self._tally.leave(self._left.values())
        except KeyboardInterrupt:
            raise self._interrupted() from None
        except BaseException as error:
            self._finish_running()
            self._explain(error)
            raise
        self._journal.finish()
        return self._tally.report(time.monotonic() - started)

    def _watched(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the blocks of the source, and check before each that the source did not change."""
        for block in self._source.blocks(names, shape):
            self._source.check()
            if self._stop.is_set():
                raise _Stopped
            yield block

    def _take(self, batch: Batch, concurrency: int) -> None:
        """Send a batch in a thread of its own; of one that an earlier run sent, only the rows that the index lacks."""
        self._check_same(batch)
        ids = frozenset() if batch.rows is None else frozenset(batch.rows.ids)
        while self._must_wait(ids, concurrency):
            self._collect()
        for row_id in self._left.keys() & ids:
            del self._left[row_id]  # of several rows with one id, the last one counts
        self._running[batch.number] = ids
        Thread(target=self._send, args=(batch,), name=f"vectord-load-{batch.number}", daemon=True).start()

    def _must_wait(self, ids: frozenset[str], concurrency: int) -> bool:
        """Return True if a batch must not be sent yet.

        The first batch of a load is sent alone, because the ones after it need its key (see `doubt`). Of two rows with
        one id the later one counts, so their batches are sent one after the other.
        """
        if len(self._running) >= concurrency or (self._running and not self._journal.has_anchor):
            return True
        return any(not ids.isdisjoint(sent) for sent in self._running.values())

    def _check_same(self, batch: Batch) -> None:
        """Raise SourceChanged if the rows of a batch are not those that an earlier run sent."""
        earlier = self._journal.done.get(batch.number) or self._journal.sent.get(batch.number)
        if earlier is not None and earlier.digest != ("" if batch.rows is None else digest_of(batch.rows)):
            raise SourceChanged(
                f"{self._source.name} has other rows at {batch.start:,} to {batch.stop:,} than when the load was "
                "interrupted.",
                advice=RESTORE,
            )

    def _send(self, batch: Batch) -> None:
        outcome: Outcome | BaseException
        try:
            outcome = self._sender.send(batch)
        except BaseException as error:  # noqa: BLE001 - raised in the thread of the caller
            outcome = error
        self._outcomes.put((batch.number, outcome))

    def _collect(self) -> None:
        """Wait for the outcome of a batch, and count it."""
        while True:
            if self._stop.is_set():
                raise _Stopped
            with suppress(Empty):
                self._note(*self._outcomes.get(timeout=_POLL))
                return

    def _note(self, number: int, outcome: Outcome | BaseException) -> None:
        if isinstance(outcome, BaseException):
            del self._running[number]
            raise outcome
        self._count(number, outcome)

    def _count(self, number: int, outcome: Outcome) -> None:
        """Count a batch, which is in flight until then: if an interruption comes between, the count is too low."""
        done = outcome.done
        self._tally.count(done.added, done.replaced, done.failed)
        del self._running[number]
        self._tally.resumed += outcome.resumed
        self._left |= {row.id: row for row in outcome.left if row.id is not None}
        self._meter.set(self._tally.rows + self._tally.failed_count)

    def _finish_running(self) -> None:
        """Wait for the batches in flight, so that the journal records their outcomes."""
        end = time.monotonic() + _GRACE
        while self._running and (left := end - time.monotonic()) > 0:
            with suppress(Empty):
                number, outcome = self._outcomes.get(timeout=left)
                if isinstance(outcome, Outcome):
                    self._count(number, outcome)
                else:
                    del self._running[number]

    def _interrupted(self) -> LoadInterrupted:
        """Finish what is in flight, unless Ctrl-C comes again, and return the error."""
        with suppress(KeyboardInterrupt):
            self._finish_running()
        return LoadInterrupted(self._progress())

    def _explain(self, error: BaseException) -> None:
        """Say in an error how many rows are in the index and, if the load can go on, how to continue it."""
        if isinstance(error, _Stopped) or not (self._tally.rows or self._journal.sent):
            return
        if isinstance(error, LoadError):
            error.add_note(self._loaded())
        elif isinstance(error, VectordError):
            error.detail = f"{error.detail or error.title} {self._progress()}"
        else:
            error.add_note(self._progress())

    def _loaded(self) -> str:
        """Return how many rows are in the index; batches that are still in flight may add more."""
        least = "At least " if self._running else ""
        total = f" of {self._source.total:,}" if self._source.total is not None else ""
        return f"{least}{self._tally.rows:,}{total} rows of {self._source.name} are in the index."

    def _progress(self) -> str:
        resume = "Run the same load again to continue." if self._journal.path else "The load cannot be resumed."
        return f"{self._loaded()} {resume}"
