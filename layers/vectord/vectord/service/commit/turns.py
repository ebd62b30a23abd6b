"""A writer that lost a race, or gave way, stores its change, and waits for its turn to commit all pending changes.

The first of the writers that wait, in the order of their ids, commits next: every change that it finds, its own
included, under one conditional write. The others look again and again for the outcome of their change in the index.

| the first writer                    | the others                                                        |
|-------------------------------------|-------------------------------------------------------------------|
| commits                             | find the outcomes of their changes, or are nearer to their turn   |
| dies, or takes too long             | the second one commits after TAKEOVER seconds, and so on          |
| and more than 16 others die         | those behind them commit after 10 seconds, whoever is the fastest |

Who gave way to a write in progress lets it pass: that writer is before all who wait, until the index changes.

A change is applied once, because the index records outcomes: a commit lists the pending changes after it has read the
index, and applies those without an outcome. It drops the outcomes of changes whose objects are gone: no later commit
can list these changes, and an earlier listing belongs to an older index, so that its write is refused (decision 141).
"""

from typing import Final

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import (
    NotFound,
    ObjectChanged,
    OutcomeUnknown,
    RequestInvalid,
    StoreUnavailable,
    VectordError,
    WriteConflict,
)
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.commit.pending import PendingChange, PendingChanges, pending_change
from vectord.service.commit.prepared import Change, Committed, Effect, Operation, PreparedCommit, Wait
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline

TAKEOVER: Final = 2.0  # seconds without a commit, and those of its bytes, after which the second writer commits
_COPIED: Final = 50_000_000  # bytes of an index, and of the changes of a commit, that one writes in a second
_STAGGER: Final = 0.5  # seconds until the next one does
_MAX_STAGGER: Final = 8.0  # seconds: if many writers died at once, one that lives commits before its deadline
_PASSING: Final = 5.0  # seconds after which a writer that others let pass has probably died
_MANY: Final = 4  # changes in a commit: so many looks at once slow a store down
_POLL: Final = (0.05, 0.4)  # least and most seconds between two looks at the index
_GATHER: Final = 0.2  # seconds in which writers come back with their next changes
_LONGEST_GATHER: Final = 0.6  # seconds in which they do so one after the other
_FOLLOWING: Final = 3  # commits: a writer that commits alone between others was only the quickest
_MAX_CHANGES: Final = 128  # of one commit
_MAX_BYTES: Final = 24 << 20  # of the changes of one commit, but for the first and the writer's own


class ToCommit(msgspec.Struct, frozen=True):
    """A change to commit to the state at hand, without a build; it adds about `adds` rows."""

    change: Change
    adds: int


class Turn:
    """The turn of one writer, whose change `operation` of index `name` lost a race."""

    def __init__(  # noqa: PLR0917
        self,
        pending: PendingChanges,
        environment: Environment,
        name: str,
        own: str,
        commit_id: str,
        operation: Operation,
    ) -> None:
        """`own` is the id of the change."""
        self._pending, self._environment = pending, environment
        self._name, self._commit_id, self._operation = name, commit_id, operation
        self._own, self._attempt, self.is_stored = own, 0, False
        self._etag, self._since, self._gathered = "", 0.0, 0
        self._passing: str | None = None
        self._raced = False  # another writer committed, or began to, while this one waited
        self._listed: list[PendingChange] = []
        self._operations: dict[str, Operation | None] = {}
        self._refusal: VectordError | None = None

    def let_pass(self, etag: str) -> None:
        """Count another writer, who has no change that waits, as nearer to its turn while the index has this ETag."""
        self._passing, self._raced = etag, True

    def next(self, state: Snapshot, lost: int, check: DeadlineCheck) -> ToCommit | Committed[Effect] | Wait:
        """Return what to do at a state of the index: commit changes of it, return the recorded effect, or wait.

        `lost` is the number of conditional writes that this writer has lost.

        Raises:
            OutcomeUnknown: the change may have been applied, and its object is gone.
            StoreUnavailable, WriteConflict, StoreRefused: try again.
        """
        if not self.is_stored:
            self._submit()
        outcomes = mutations.outcomes_of(state.index.applied)
        if self._own in outcomes:
            effect = outcomes[self._own]
            return Committed(effect, state) if effect else ToCommit(self._alone(check), self._operation.adds)
        now = self._environment.now()
        if is_new := state.etag != self._etag:
            self._raced |= lost > 0 or bool(self._etag)
            self._etag, self._since, self._gathered, self._listed = state.etag, now, 0, self._list()
        before = self._position(outcomes) + self._lets_pass(now)
        if before and now - self._since < self._takeover(state.index.size, before):
            return Wait(self._wait(now - self._since, len(outcomes)))
        if not is_new:
            self._listed = self._list()
        if not lost and self._gathers(outcomes, now):
            return Wait(_GATHER if is_new else _GATHER / 2)
        return self._combined(outcomes, check)

    def _gathers(self, outcomes: dict[str, Effect | None], now: float) -> bool:
        """Return True while those whose changes were committed together probably come back; read the changes of some.

        More are expected if others have come since the last look, but not for long.
        """
        waiting = self._waiting(outcomes)
        if now - self._since >= _LONGEST_GATHER or not self._gathered < len(waiting) < len(outcomes):
            return False
        self._gathered = len(waiting)
        self._read(self._others(self._chosen(waiting)))
        return True

    def _lets_pass(self, now: float) -> bool:
        return self._etag == self._passing and now - self._since < _PASSING

    def _takeover(self, size: int, before: int) -> float:
        """Return the seconds without a commit after which this writer commits, an index of `size` bytes."""
        written = size + sum(change.size for change in self._chosen(self._listed))
        return TAKEOVER + written / _COPIED + min(_STAGGER * (before - 1), _MAX_STAGGER)

    def _wait(self, waited: float, together: int) -> float:
        """Return the seconds until the next look: half of what was `waited` for the state, so that looks stay few.

        If many changes were committed `together`, the next commit does not begin before its writer has gathered.
        """
        least, most = _POLL
        if together > _MANY and waited < _GATHER:
            least = _GATHER
        return self._environment.uniform(0.75, 1.25) * min(max(waited / 2, least), most)

    def result(self, committed: Committed[Effect]) -> Committed[Effect]:
        """Return the outcome of the change; raise its error if the commit recorded that it was refused."""
        if not committed.result and self._refusal:
            raise self._refusal
        return committed

    def end(self) -> None:
        """Delete the stored change: its outcome is known, or its writer stops to wait for it."""
        if self.is_stored:
            self._pending.discard([pending_change(self._name, self._own, self._attempt)])

    def _submit(self) -> None:
        own = pending_change(self._name, self._own, self._attempt)
        try:
            self._pending.submit(own, self._operation)
        except StoreUnavailable:
            try:
                self._pending.cancel(own)
            except (StoreUnavailable, WriteConflict) as error:
                raise OutcomeUnknown(self._name) from error
            self._attempt += 1
            raise
        self.is_stored = True

    def _list(self) -> list[PendingChange]:
        """Return the changes that wait now, in their order, and delete those that expired."""
        listed = self._pending.listed(self._name)
        if expired := [change for change in listed if change.id != self._own and self._pending.is_expired(change)]:
            self._pending.discard(expired)
        return [change for change in listed if change.size]

    def _waiting(self, outcomes: dict[str, Effect | None]) -> list[PendingChange]:
        return [
            change
            for change in self._listed
            if change.id not in outcomes and (change.id == self._own or not self._pending.is_expired(change))
        ]

    def _position(self, outcomes: dict[str, Effect | None]) -> int:
        """Return how many writers are nearer to their turn."""
        ids = [change.id for change in self._waiting(outcomes)]
        if self._own not in ids:
            raise OutcomeUnknown(self._name)
        return ids.index(self._own)

    def _combined(self, outcomes: dict[str, Effect | None], check: DeadlineCheck) -> ToCommit:
        """Return the change that applies every waiting change, each as a whole or not at all, and records outcomes."""
        chosen = self._chosen(self._waiting(outcomes))
        operations = self._read(self._others(chosen)) | {self._own: self._operation}
        staged = {change.id for change in self._listed}

        def combined(index: Index) -> tuple[Index, Effect]:
            found = dict[str, Effect | None]()
            for change in chosen:
                index, found[change.id] = self._applied(index, change.id, operations[change.id], check)
            applied = mutations.with_outcomes(index.applied, found, staged)
            if following := _following(index, raced=self._raced or len(found) > 1):
                applied = mutations.with_race(applied, self._commit_id, following)
            self._environment.meter.add("ChangesOfOthers", len(found) - 1)
            return structs.replace(index, applied=applied), found[self._own] or ()

        return ToCommit(combined, sum(each.adds for each in operations.values() if each))

    def _others(self, changes: list[PendingChange]) -> list[PendingChange]:
        return [change for change in changes if change.id != self._own]

    def _read(self, changes: list[PendingChange]) -> dict[str, Operation | None]:
        """Return the operations of changes; those that a lost race has read already are not read again."""
        missing = [change for change in changes if change.id not in self._operations]
        found = dict(zip((change.id for change in missing), self._pending.read(missing), strict=True))
        self._operations = {change.id: self._operations.get(change.id) or found.get(change.id) for change in changes}
        return self._operations

    def _applied(
        self, index: Index, change_id: str, operation: Operation | None, check: DeadlineCheck
    ) -> tuple[Index, Effect | None]:
        """Return the index with one change and its effect; the index itself and None if the change is refused."""
        if change_id == self._own:
            self._refusal = None
        if operation is None:
            return index, None
        try:
            return operation.apply(index, self._name, check)
        except (RequestInvalid, NotFound, ObjectChanged) as error:
            if change_id == self._own:
                self._refusal = error
            return index, None

    def _chosen(self, waiting: list[PendingChange]) -> list[PendingChange]:
        """Return the first of the changes that fit into one commit, and the writer's own."""
        chosen, size = list[PendingChange](), 0
        for change in waiting:
            size += change.size
            if not chosen or change.id == self._own or (size <= _MAX_BYTES and len(chosen) < _MAX_CHANGES):
                chosen.append(change)
        return chosen

    def _alone(self, check: DeadlineCheck) -> Change:
        """Return the change of a writer that another one refused: it finds the reason, or is applied after all."""
        return lambda index: self._operation.apply(index, self._name, check)


def _following(index: Index, *, raced: bool) -> int:
    """Return how many commits will follow a race after the next commit of `index`."""
    return _FOLLOWING if raced else max(mutations.following_race(index.applied, index.commit) - 1, 0)


class Work(msgspec.Struct):
    """A change to commit. With `operation`, the same change as a value, it waits for its `turn` after a lost race.

    `first` is what was prepared of it first. If that gave way to another writer, it waits for its turn, too.
    """

    commit_id: str
    change: Change
    adds: int
    check: DeadlineCheck
    operation: Operation | None = None
    turn: Turn | None = None
    first: PreparedCommit[Effect] | None = None

    def begin_turn(self, pending: PendingChanges, environment: Environment, name: str, deadline: Deadline) -> Turn:
        """Begin the turn of the `operation`, whose writer waits until the deadline."""
        if self.operation is None:
            raise AssertionError("only an operation can wait for a turn")
        own = pending.new_id(environment.left(deadline))
        self.turn = Turn(pending, environment, name, own, self.commit_id, self.operation)
        if self.first and self.first.gave_way:
            self.turn.let_pass(self.first.base.etag)
        return self.turn
