"""Send one batch of a load: by HTTP or in the process, once, without the rows that the service refuses."""

import hashlib
import secrets
from collections.abc import Callable, Sequence

import msgspec

from vectord_client.errors import (
    BadItem,
    BatchInvalid,
    IdempotencyKeyReused,
    VectordError,
)
from vectord_client.load.compare import Remains, compare, compare_acknowledged, has_any
from vectord_client.load.doubt import is_remembered, was_never_applied
from vectord_client.load.errors import BadRows
from vectord_client.load.job import Session
from vectord_client.load.journal import Done, Journal, Sent
from vectord_client.rows import batches
from vectord_client.rows.batches import Batch
from vectord_client.rows.block import Block
from vectord_client.values import Added
from vectord_client.wire import operations

Add = Callable[[Block, str], Added]


def add_by_http(session: Session, name: str) -> Add:
    """Return a function that adds rows, with a key, by a request."""
    return lambda rows, key: session.run(operations.add(name, batches.body(rows), None, key))


def add_in_process(session: Session, name: str) -> Add:
    """Return a function that adds rows, with a key, through the engine in this process."""
    return lambda rows, key: session.run(operations.add_rows(name, rows, key=key))


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a batch.

    `resumed` of its rows are in the index from an earlier run; the rows `left` differ there, and stay as they are.
    """

    done: Done
    resumed: int = 0
    left: tuple[BadItem, ...] = ()


class _Progress:
    """The counts and the failed rows of a batch while it is sent.

    `refused` are those of them that the service did not accept.
    `journalled` is the key that the journal has already. `again`: an earlier run sent the rows, under another key.
    """

    def __init__(self, batch: Batch, refused: Sequence[BadItem] = ()) -> None:
        self.refused = list(refused)
        self.failed = [*batch.bad, *refused]
        self.added = self.replaced = 0
        self.key, self.sample = "", None if batch.rows is None else batch.rows.ids[0]
        self.journalled: str | None = None
        self.again = False

    def done(self, number: int, digest: str) -> Done:
        """Return the line of the journal for a batch of which nothing is left to be sent."""
        return Done(
            batch=number,
            added=self.added,
            replaced=self.replaced,
            failed=tuple(self.failed),
            digest=digest,
            key=self.key,
            sample=self.sample if self.added or self.replaced else None,
        )


class Sender:
    """Sends the batches of one load. Several threads may use it at once, each with other batches."""

    def __init__(self, session: Session, name: str, journal: Journal, add: Add, *, skip_bad: bool = True) -> None:
        """Send to index `name`; without `skip_bad`, a batch with bad rows is not sent."""
        self._session, self._name, self._journal, self._add = session, name, journal, add
        self._skip_bad = skip_bad
        self._own: set[str] = set()  # ids of rows that were sent again

    def send(self, batch: Batch) -> Outcome:
        """Send a batch, or what remains of one that an earlier run sent; its outcome is then in the journal.

        Raises:
            BadRows: it has bad rows, or the service refuses some, and they must not be skipped.
        """
        if not self._skip_bad and batch.bad:
            raise _bad_rows(batch.bad)
        earlier = self._journal.done.get(batch.number)
        if earlier is not None:
            return self._rechecked(batch, earlier)
        if batch.rows is None:
            done = Done(batch=batch.number, failed=batch.bad)
            self._journal.record(done)
            return Outcome(done)
        sent = self._journal.sent.get(batch.number)
        progress, digest = _Progress(batch, sent.refused if sent else ()), digest_of(batch.rows)
        rows: Block | None = without(batch.rows, progress.refused)
        if sent is not None and rows:
            rows = self._resolved(batch.number, rows, sent, progress)
        self._send(batch.number, digest, rows, progress)
        done = progress.done(batch.number, digest)
        self._journal.record(done)
        return Outcome(done)

    def _rechecked(self, batch: Batch, earlier: Done) -> Outcome:
        """Send those rows of an acknowledged batch again that the index does not have any more."""
        present = Outcome(earlier, earlier.added + earlier.replaced)
        if batch.rows is None:
            return present
        bad = {row.position for row in batch.bad}
        progress = _Progress(batch, [row for row in earlier.failed if row.position not in bad])
        rows, refused = without(batch.rows, progress.refused), len(progress.refused)
        if not rows:
            return present
        replaced = earlier.replaced > 0
        remains = self._session.follow(compare_acknowledged(self._name, rows, self._own, replaced=replaced))
        resumed = present.resumed - len(remains.failed)
        if remains.rows is None:
            return Outcome(earlier, resumed, remains.failed)
        progress.again = True
        self._send(batch.number, earlier.digest, remains.rows, progress)
        refused = len(progress.refused) - refused
        progress.added, progress.replaced = max(0, earlier.added - refused), earlier.replaced
        done = progress.done(batch.number, earlier.digest)
        self._journal.record(done)
        return Outcome(done, max(0, resumed - len(remains.rows)), remains.failed)

    def _resolved(self, number: int, rows: Block, sent: Sent, progress: _Progress) -> Block | None:
        """Return the rows that are still to be sent of a batch whose outcome is not known."""
        follow, anchors = self._session.follow, self._journal.anchors.get(number, [])
        applied = Added(0, 0)
        if not sent.again:
            if follow(is_remembered(self._name, sent.key)):
                applied, progress.key = self._first_answer(rows, sent.key), sent.key
                if not applied.replaced and follow(has_any(self._name, rows)):
                    progress.added = applied.added
                    return None
            elif follow(was_never_applied(self._name, anchors, self._journal.header.etag)):
                progress.journalled = sent.key
                return rows
        remains: Remains = follow(compare(self._name, rows, self._own))
        progress.added = min(applied.added, remains.present)
        progress.replaced = remains.present - progress.added
        progress.failed += remains.failed
        progress.again = True
        return remains.rows

    def _first_answer(self, rows: Block, key: str) -> Added:
        """Return the answer that the index remembers for a key."""
        try:
            return self._add(rows, key)
        except IdempotencyKeyReused:  # the key has the digest of the rows: another version wrote the request
            return Added(0, len(rows))

    def _send(self, number: int, digest: str, rows: Block | None, progress: _Progress) -> None:
        """Add rows without those that the service refuses, and note it in `progress`."""
        while rows:
            key = progress.journalled or self._key(number, rows, digest, progress)
            if progress.journalled is None:
                refused = tuple(progress.refused)
                self._journal.record(Sent(batch=number, key=key, digest=digest, refused=refused, again=progress.again))
            progress.journalled = None
            try:
                answer = self._first_answer(rows, key)
            except BatchInvalid as error:
                if not error.errors:
                    self._journal.withdraw(number)
                    raise
                bad = [BadItem(rows.positions[item.position], item.id, item.reason) for item in error.errors]
                if not self._skip_bad:
                    self._journal.withdraw(number)
                    raise _bad_rows(bad) from error
                progress.refused += bad
                progress.failed += bad
                rows = without(rows, bad)
                continue
            except VectordError as error:
                if not error.maybe_applied:
                    self._journal.withdraw(number)
                raise
            if progress.again:
                self._own.update(rows.ids)
            progress.added, progress.replaced = progress.added + answer.added, progress.replaced + answer.replaced
            progress.key, progress.sample = key, rows.ids[0]
            return

    def _key(self, number: int, rows: Block, digest: str, progress: _Progress) -> str:
        """Return a key of the load, the batch and its rows: one of its own for rows that are sent again."""
        if progress.refused or progress.again:
            digest = digest_of(rows)
        key = f"{self._journal.header.load}-{number}-{digest}"
        return f"{key}-{secrets.token_hex(4)}" if progress.again else key


def _bad_rows(bad: Sequence[BadItem]) -> BadRows:
    return BadRows(
        f"{len(bad):,} {'row is' if len(bad) == 1 else 'rows are'} not valid.",
        advice='Correct them and load again with resume=False, or load the others with on_bad="report".',
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
