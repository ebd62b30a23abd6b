"""Bring an earlier state of an index back, as a new commit on top of the present one.

| at the restore's beginning the index is | the earlier state is written                          |
|-----------------------------------------|-------------------------------------------------------|
| there                                   | if it is still at the ETag that it had then           |
| there, but cannot be read               | the same                                              |
| deleted                                 | if there is still none                                |

Otherwise nothing is changed: a restore never undoes a write that it did not see.
"""

from collections.abc import Container

from msgspec import structs

from vectord.errors import (
    BlobError,
    IndexNotFound,
    ObjectNotFound,
    ObjectVersionNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from vectord.index.thresholds import Thresholds
from vectord.service.commit.create_delete import Lifecycle, New, taken
from vectord.service.commit.loop import CommitLoop, PreparedCommit, Staged
from vectord.service.results import NOTHING, Description
from vectord.service.single.reads import described
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.reader import SnapshotReader
from vectord.service.snapshots.versions import Versions, VersionSnapshot, check_whole
from vectord.storage.base import Condition, IfAbsent, IfMatch


class Restores:
    """Restores indexes of one store."""

    def __init__(
        self,
        reads: SnapshotReader,
        versions: Versions,
        commits: CommitLoop,
        lifecycle: Lifecycle,
        sizes: Thresholds | None = None,
    ) -> None:
        self._reads, self._versions, self._commits, self._lifecycle = reads, versions, commits, lifecycle
        self._sizes = sizes or Thresholds()

    def restore(self, name: str, as_of: str, until: float, expected: Container[str] | None = None) -> Description:
        """Make the state as of a version id, an ETag or a time (see `Versions.state_as_of`) the present one.

        What was applied since stays on record as applied, so that a repeat of it changes nothing. `expected` holds the
        ETags that the caller allows as the state before, NOTHING for no index; None for any.

        Raises:
            PreconditionFailed: it changed since the restore began, or is at another version; nothing was changed.
            IndexNotFound, VersionNotFound, RequestInvalid, BlobError, Contended, OutcomeUnknown, StorageSilent,
            StoreRefused
        """
        present = self._present(name, until)
        etag = present.etag if isinstance(present, Snapshot) else present
        if expected is not None and (etag or NOTHING) not in expected:
            raise PreconditionFailed(name)
        past = self._versions.past(name, as_of, until)
        try:
            if isinstance(present, Snapshot):
                return described(self._commit(name, present, past, until))
            return described(self._place(name, IfMatch(present) if present else IfAbsent(), past, until))
        except ObjectVersionNotFound as error:
            raise VersionNotFound(name, as_of) from error

    def _present(self, name: str, until: float) -> Snapshot | str | None:
        """Return the present state, its ETag alone if it cannot be read, or None if there is none."""
        try:
            state = self._reads.state(name, until)
        except BlobError:
            return self._reads.etag(name, until)
        except IndexNotFound:
            return None
        check_whole(state.index, name)
        return state

    def _commit(self, name: str, began: Snapshot, past: VersionSnapshot, until: float) -> Snapshot:
        token = self._reads.environment.new_id()
        body = Staged(name, past.state.etag, past.version)

        def draw(state: Snapshot) -> PreparedCommit[None]:
            old = structs.replace(past.state.index, applied=state.index.applied)
            return PreparedCommit(
                state, taken(body, old, name=name, token=token, sizes=self._sizes).encoded, None, body
            )

        try:
            return self._commits.commit(name, token, draw, until, {began.etag}).state
        except IndexNotFound as error:
            raise PreconditionFailed(name) from error

    def _place(self, name: str, condition: Condition, past: VersionSnapshot, until: float) -> Snapshot:
        token = self._reads.environment.new_id()
        body = Staged(name, past.state.etag, past.version)

        def new() -> New:
            return taken(body, past.state.index, name=name, token=token, sizes=self._sizes, condition=condition)

        try:
            placed = self._lifecycle.place(
                name, token, self._reads.retry_policy.run(self._reads.environment, until, new), until
            )
        except ObjectNotFound as error:
            raise PreconditionFailed(name) from error
        if placed is None:
            raise PreconditionFailed(name)
        return placed
