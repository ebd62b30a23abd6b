"""Send one batch of a load: by HTTP or in the process, once, without the rows that the service refuses."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from vectord_client.errors import (
    BadItem,
    BatchInvalid,
    IdempotencyKeyReused,
)
from vectord_client.load.doubt import resolve
from vectord_client.load.errors import BadRows
from vectord_client.load.journal import Done, Journal, Sent
from vectord_client.rows import batches
from vectord_client.rows.batches import Batch
from vectord_client.rows.block import Block
from vectord_client.values import Added
from vectord_client.wire import operations
from vectord_client.wire.call import Call, Plan


class Session(Protocol):
    """What a load needs of a session. `target` is a URL or a folder, `timeout` the seconds of a call."""

    transport: Any
    target: str
    timeout: float
    concurrency: int

    def run(self, call: Call[Any]) -> Any:
        """Return the value of a call."""

    def follow(self, plan: Plan[Any]) -> Any:
        """Return the value of a plan."""


Add = Callable[[Block, str], Added]


def add_by_http(session: Session, name: str) -> Add:
    """Return a function that adds rows, with a key, by a request."""
    return lambda rows, key: session.run(operations.add(name, batches.body(rows), None, key))


def add_in_process(session: Session, name: str) -> Add:
    """Return a function that adds rows, with a key, through the engine in this process."""
    return lambda rows, key: session.run(operations.add_rows(name, rows, key=key))


class _Progress:
    """What is known of a batch while it is sent: rows that failed, those of them that the service refused, and more.

    `present` rows are in the index from an earlier run. `journalled` is the key that the journal has already.
    """

    def __init__(self, batch: Batch, earlier: Sent | None) -> None:
        self.refused = list(earlier.refused) if earlier else []
        self.failed = [*batch.bad, *self.refused]
        self.present = 0
        self.journalled: str | None = None


class Sender:
    """Sends the batches of one load. Several threads may use it at once, each with other batches."""

    def __init__(self, session: Session, name: str, journal: Journal, add: Add, *, skip_bad: bool = True) -> None:
        """Send to index `name`; without `skip_bad`, a batch with bad rows is not sent."""
        self._session, self._name, self._journal, self._add = session, name, journal, add
        self._skip_bad = skip_bad

    def send(self, batch: Batch) -> Done:
        """Send a batch and return its outcome, which is then in the journal.

        Raises:
            BadRows: it has bad rows, or the service refuses some, and they must not be skipped.
        """
        if not self._skip_bad and batch.bad:
            raise _bad_rows(batch.bad)
        if batch.rows is None:
            done = Done(batch=batch.number, failed=batch.bad)
            self._journal.record(done)
            return done
        earlier = self._journal.sent.get(batch.number)
        progress, digest = _Progress(batch, earlier), digest_of(batch.rows)
        rows: Block | None = without(batch.rows, progress.refused)
        if earlier is not None and rows is not None:
            rows = self._resolved(batch.number, rows, earlier, progress)
        added, key, rows = self._added(batch.number, digest, rows, progress)
        done = Done(
            batch=batch.number,
            added=added.added,
            replaced=added.replaced + progress.present,
            failed=tuple(progress.failed),
            digest=digest,
            key=key,
            sample=rows.ids[0] if rows else None,
        )
        self._journal.record(done)
        return done

    def _resolved(self, number: int, rows: Block, earlier: Sent, progress: _Progress) -> Block | None:
        """Return the rows that are still to be sent of a batch that an earlier run sent."""
        journal = self._journal
        anchors = journal.anchors.get(number, [])
        remains = self._session.follow(resolve(self._name, rows, earlier.key, anchors, journal.header.etag))
        progress.present = remains.present
        progress.failed += remains.failed
        if remains.rows is rows:
            progress.journalled = earlier.key
        found: Block | None = remains.rows
        return found

    def _added(
        self, number: int, digest: str, rows: Block | None, progress: _Progress
    ) -> tuple[Added, str, Block | None]:
        """Add rows without those that the service refuses; return the answer, the key that it has, and the rows."""
        while rows:
            rows_digest = digest_of(rows) if progress.refused else digest
            key = progress.journalled or f"{self._journal.header.load}-{number}-{rows_digest}"
            if progress.journalled is None:
                self._journal.record(Sent(batch=number, key=key, digest=digest, refused=tuple(progress.refused)))
            progress.journalled = None
            try:
                return self._add(rows, key), key, rows
            except IdempotencyKeyReused:  # the key has the digest of the rows: another version wrote the request
                return Added(0, len(rows)), key, rows
            except BatchInvalid as error:
                if not error.errors:
                    raise
                bad = [BadItem(rows.positions[item.position], item.id, item.reason) for item in error.errors]
                if not self._skip_bad:
                    raise _bad_rows(bad) from error
            progress.refused += bad
            progress.failed += bad
            rows = without(rows, bad)
        return Added(0, 0), "", rows


def _bad_rows(bad: Sequence[BadItem]) -> BadRows:
    return BadRows(
        f"{len(bad):,} rows are not valid. Correct them and load again with resume=False, or load the others with "
        'on_bad="report".',
        errors=tuple(bad),
    )


def without(rows: Block, refused: Sequence[BadItem]) -> Block:
    """Return rows without those at the positions of `refused`."""
    positions = {row.position for row in refused}
    found = rows.without({place: "" for place, position in enumerate(rows.positions) if position in positions})
    return found.rows(0, len(found))


def digest_of(rows: Block) -> str:
    """Return a digest of ids, vectors and metadata."""
    digest = hashlib.blake2b(rows.vectors, digest_size=12)
    digest.update(msgspec.json.encode(rows.ids))
    digest.update(msgspec.json.encode(rows.metadata))
    return digest.hexdigest()
