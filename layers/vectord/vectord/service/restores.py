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
    ObjectMissing,
    PreconditionFailed,
    VersionMissing,
    VersionNotFound,
)
from vectord.index import Sizes
from vectord.service.commits import Commits, Draft, Staged
from vectord.service.lifecycle import Lifecycle, New, taken
from vectord.service.plain import described
from vectord.service.reads import Reads
from vectord.service.results import NOTHING, Described
from vectord.service.versions import Past, Versions, check_whole
from vectord.service.warm import Versioned
from vectord.stores import Condition, IfAbsent, IfMatch


class Restores:
    """Restores indexes of one store."""

    def __init__(
        self, reads: Reads, versions: Versions, commits: Commits, lifecycle: Lifecycle, sizes: Sizes | None = None
    ) -> None:
        self._reads, self._versions, self._commits, self._lifecycle = reads, versions, commits, lifecycle
        self._sizes = sizes or Sizes()

    def restore(self, name: str, as_of: str, until: float, expected: Container[str] | None = None) -> Described:
        """Make the state as of a version id, an ETag or a time (see `Versions.state_as_of`) the present one.

        What was applied since stays on record as applied, so that a repeat of it changes nothing. `expected` holds the
        ETags that the caller allows as the state before, NOTHING for no index; None for any.

        Raises:
            PreconditionFailed: it changed since the restore began, or is at another version; nothing was changed.
            IndexNotFound, VersionNotFound, RequestInvalid, BlobError, Contended, OutcomeUnknown, StorageSilent,
            StoreRefused
        """
        present = self._present(name, until)
        etag = present.etag if isinstance(present, Versioned) else present
        if expected is not None and (etag or NOTHING) not in expected:
            raise PreconditionFailed(name)
        past = self._versions.past(name, as_of, until)
        try:
            if isinstance(present, Versioned):
                return described(self._commit(name, present, past, until))
            return described(self._place(name, IfMatch(present) if present else IfAbsent(), past, until))
        except VersionMissing as error:
            raise VersionNotFound(name, as_of) from error

    def _present(self, name: str, until: float) -> Versioned | str | None:
        """Return the present state, its ETag alone if it cannot be read, or None if there is none."""
        try:
            state = self._reads.state(name, until)
        except BlobError:
            return self._reads.etag(name, until)
        except IndexNotFound:
            return None
        check_whole(state.index, name)
        return state

    def _commit(self, name: str, began: Versioned, past: Past, until: float) -> Versioned:
        token = self._reads.world.new_id()
        body = Staged(name, past.state.etag, past.version)

        def draw(state: Versioned) -> Draft[None]:
            old = structs.replace(past.state.index, applied=state.index.applied)
            return Draft(state, taken(body, old, name=name, token=token, sizes=self._sizes).encoded, None, body)

        try:
            return self._commits.commit(name, token, draw, until, {began.etag}).state
        except IndexNotFound as error:
            raise PreconditionFailed(name) from error

    def _place(self, name: str, condition: Condition, past: Past, until: float) -> Versioned:
        token = self._reads.world.new_id()
        body = Staged(name, past.state.etag, past.version)

        def new() -> New:
            return taken(body, past.state.index, name=name, token=token, sizes=self._sizes, condition=condition)

        try:
            placed = self._lifecycle.place(
                name, token, self._reads.patience.insist(self._reads.world, until, new), until
            )
        except ObjectMissing as error:
            raise PreconditionFailed(name) from error
        if placed is None:
            raise PreconditionFailed(name)
        return placed
