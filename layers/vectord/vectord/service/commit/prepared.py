"""What a commit is prepared from and leads to: values of the commit loop and of what prepares commits for it."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from vectord.deadline import DeadlineCheck
from vectord.errors import Contended, OutcomeUnknown, StorageSilent, StoreError, StoreUnavailable, VectordError
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.options import Deadline, WriteOptions
from vectord.storage.base import CopySource, IfMatch, Store

type Effect = tuple[int, ...]
type Change = Callable[[Index], tuple[Index, Effect]]


class Operation(Protocol):
    """A change of vectors as a value: it holds all that it needs, so that any process can apply it.

    Its effect is `effect_length` numbers, which the index can store. It adds about `adds` rows.
    """

    @property
    def effect_length(self) -> int: ...

    @property
    def adds(self) -> int: ...

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, Effect]:
        """Return the changed index `name`, or `index` itself if nothing changes, and the effect.

        `check` is called now and then, and raises DeadlineExceeded after the deadline.
        """


class Wrapped(msgspec.Struct, frozen=True):
    """An operation that applies another one under a condition: it has the same effect, and adds the same rows."""

    operation: Operation

    @property
    def effect_length(self) -> int:
        return self.operation.effect_length

    @property
    def adds(self) -> int:
        return self.operation.adds


class Committed[R](msgspec.Struct, frozen=True):
    """The result of a change, and the state that it led to; `build_deferred` if that state is due for a build."""

    result: R
    state: Snapshot
    build_deferred: bool = False


class Staged(msgspec.Struct, frozen=True):
    """A stored object that holds the body of an index, and its ETag; with `version`, that version of the object."""

    name: str
    etag: str
    version: str | None = None


class PreparedCommit[R](msgspec.Struct):
    """A change applied to the state `base`: the bytes to write, and the result to return.

    `staged` holds the bytes that `encoded` copies, if that is not the object at `base`. `unknown` is set once a write
    got no answer. `refused` is set once its condition failed, perhaps because S3 received our own write twice.
    `can_wait` says that its writer can wait for a turn (turns.py), and `conflict` is set once it met another write in
    progress. With `gives_way` it is not written beside another write in progress, and then `gave_way` is set.
    """

    base: Snapshot
    encoded: PreparedBlob
    result: R
    staged: Staged | None = None
    build_deferred: bool = False
    unknown: bool = False
    refused: bool = False
    can_wait: bool = False
    conflict: bool = False
    gives_way: bool = False
    gave_way: bool = False

    @property
    def is_void(self) -> bool:
        """True if it should be prepared again: nothing of it was written, and its writer can wait for a turn."""
        return self.can_wait and self.conflict and not self.unknown and not self.refused

    def splice(self, store: Store, commit_id: str) -> str:
        """Write it to a store that copies the unchanged bytes, and return the new ETag; raise what the store raises."""
        name, encoded, body = self.base.name, self.encoded, self.staged or Staged(self.base.name, self.base.etag)
        if encoded.copied is None:
            raise AssertionError("nothing to copy")
        source = CopySource(body.name, body.etag, *encoded.copied, body.version)
        condition = IfMatch(self.base.etag)
        # If the outcome of an attempt is unknown, the other write in progress may be this one.
        gives_way = self.gives_way and not self.unknown
        return store.splice(name, encoded.front, source, condition=condition, commit=commit_id, gives_way=gives_way)


def cause[R](prepared: PreparedCommit[R] | None, state: Snapshot, failure: StoreError | None) -> VectordError:
    """Return the error of a change that `state` does not have after the last attempt, which `failure` ended early."""
    # A write without an answer may still be applied while the index has the ETag of its base.
    if prepared and prepared.unknown and state.etag == prepared.base.etag:
        return OutcomeUnknown(state.name)
    return StorageSilent() if isinstance(failure, StoreUnavailable) else Contended(state.name)


class Wait(msgspec.Struct, frozen=True):
    """Another writer is expected to commit next: read the state again in `seconds`."""

    seconds: float


type Prepare[R] = Callable[[Snapshot, int], PreparedCommit[R] | Committed[R] | Wait]


class Changes(Protocol):
    """Commits operations on indexes: a `CommitLoop`, or what restricts one to some states."""

    def apply(
        self, base: Snapshot, operation: Operation, deadline: Deadline, write: WriteOptions = ...
    ) -> Committed[Effect]:
        """Do the same as `CommitLoop.apply`."""
