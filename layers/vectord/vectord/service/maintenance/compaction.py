"""Compaction: rebuild a large index while changes go on, and commit the new body under the changed index.

It starts when no load of the index is going on (quiet.py).

| during the build                           | result                                                                |
|--------------------------------------------|-----------------------------------------------------------------------|
| rows are added, replaced or deleted        | the change stays: the commit is prepared again for each new state     |
| another build of the index is committed    | this build is discarded; the outcome is `overtaken`                   |
| other text fields are declared             | this build is discarded, and another one follows                      |
| the index is deleted, and perhaps created  | this build is discarded; the outcome is `gone` or `overtaken`         |
| this process dies                          | the index is unchanged; the bucket's rule deletes the staged object   |
| a second compaction of the index starts    | it finds the lease of the first and ends; its outcome is `busy`       |
| the lease ends, and another one takes it   | this build is discarded; the outcome is `busy`                        |
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Literal

import msgspec
from msgspec import structs

from vectord.cache.section_cache import SectionCache
from vectord.errors import BlobError, IndexNotFound, StoreError
from vectord.index.build import rebuild
from vectord.index.build.builder import Report, ignore
from vectord.index.build.rebuild import Rebuilt
from vectord.index.codec import encode
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, compaction_is_due
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.prepared import Committed, Effect, PreparedCommit, Staged
from vectord.service.maintenance.lease import HeldLease, LeaseLost, Leases, Repeat, in_a_thread
from vectord.service.maintenance.quiet import DEFAULT, QuietWait, WaitLimits
from vectord.service.snapshots.cache import Snapshot, SnapshotCache, SnapshotReader
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord.storage.limits import STAGING

_PART_BYTES: Final = 16 << 20  # of one upload request
_REPEAT_FACTOR: Final = 2.0  # another build starts only if this many durations of the last build are left

Outcome = Literal["compacted", "idle", "busy", "overtaken", "gone"]


class Compacted(msgspec.Struct, frozen=True):
    """The outcome of a compaction, and the rows and bytes of the index if it was `compacted`.

    `idle`: no build was due; `busy`: another compaction is running; `overtaken`: another build was committed first;
    `gone`: the index was deleted.
    """

    outcome: Outcome
    rows: int = 0
    size: int = 0


class _Job(msgspec.Struct, frozen=True):
    """The compaction of one index under a lease, which `report` and `confirm` renew.

    Both raise LeaseLost if another compaction has taken the lease over.
    """

    name: str
    deadline: Deadline
    report: Report
    confirm: Callable[[], None]


class Compaction:
    """Compacts the indexes of one store."""

    def __init__(
        self,
        store: Store,
        files: SectionCache,
        *,
        environment: Environment,
        retry_policy: RetryPolicy,
        thresholds: Thresholds | None = None,
        wait_limits: WaitLimits | None = DEFAULT,
        clock: Callable[[], float] = time.time,
        repeat: Repeat = in_a_thread,
        part_bytes: int = _PART_BYTES,
    ) -> None:
        """Use `clock` and `repeat` as in `Leases`, and upload `part_bytes` in one request.

        Before each build it waits for the end of a load within `wait_limits`. With None the caller waits, and asks
        again after a load during the build.
        """
        self._store, self.environment, self._part_bytes = store, environment, part_bytes
        self._wait_limits = wait_limits
        self._thresholds = thresholds or Thresholds()
        self._reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits = CommitLoop(self._reader, thresholds)
        self._leases = Leases(store, environment, retry_policy, clock, repeat)

    def compact(self, name: str, holder: str, deadline: Deadline, report: Report = ignore) -> Compacted:
        """Rebuild index `name` if that is due; concurrent and repeated calls are safe.

        `holder` identifies the request: a retry after a crash takes over the lease of the same holder. `report` gets
        a phrase about each long step, and so does the lease, which is acquired before the wait, because one waiting
        function is enough.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed, or the outcome is unknown; a retry is safe.
        """
        try:
            if not self._is_due(self._reader.present(name, deadline).index):
                return Compacted("idle")
            with self._leases.acquire(name, holder, deadline) as acquired:
                if acquired is None:
                    return Compacted("busy")
                return self._build_while_due(_job(name, deadline, report, acquired))
        except LeaseLost:
            return Compacted("busy")
        except IndexNotFound:
            return Compacted("gone")

    def _is_due(self, index: Index) -> bool:
        return compaction_is_due(index, self._thresholds)

    def _build_while_due(self, job: _Job) -> Compacted:
        """Build, and repeat while a build is due again, because otherwise only the next change would request it."""
        done = Compacted("idle")
        if self._wait_limits is None:
            return self._build_once(job)
        while self._wait_until_quiet(self._wait_limits, job):
            start = self.environment.now()
            last = self._build_once(job)
            if last.outcome not in {"compacted", "overtaken"}:
                return last if done.outcome == "idle" else done
            done = last
            if _REPEAT_FACTOR * (self.environment.now() - start) >= self.environment.left(job.deadline):
                return done
        return done

    def _wait_until_quiet(self, limits: WaitLimits, job: _Job) -> bool:
        """Wait until no load of the index is going on; return False if no build is due then."""
        look = partial(self._reader.present, job.name, job.deadline)
        wait = QuietWait(limits, look, self.environment, job.report)
        with self.environment.timed("WaitMilliseconds"):
            return wait.run(self._is_due, job.deadline)

    def _build_once(self, job: _Job) -> Compacted:
        commit_id = self.environment.new_id()

        def rebuilt_if_due() -> Rebuilt | None:
            index = self._reader.open(job.name).index
            return rebuild.rebuild(index, commit_id, self._thresholds, job.report) if self._is_due(index) else None

        try:
            with self.environment.timed("BuildMilliseconds"):
                rebuilt = self._reader.retry(job.deadline, rebuilt_if_due)
        except BlobError as error:
            raise error.with_index(job.name) from error
        if rebuilt is None:
            return self._rewrite(job)
        job.report("uploads the sections")
        try:
            with self.environment.timed("StageMilliseconds"):
                staged = self._stage(rebuilt, commit_id, job.deadline)
            job.confirm()
            with self.environment.timed("CommitMilliseconds"):
                return self._commit(job, commit_id, rebuilt, staged)
        finally:
            with suppress(StoreError):  # the bucket's lifecycle rule deletes a remaining object
                self._store.discard(f"{STAGING}{commit_id}")

    def _rewrite(self, job: _Job) -> Compacted:
        """Write the whole of an index that is due, but is now too small for the packed form; the commit builds it."""
        job.confirm()

        def rewrite_if_due(index: Index) -> tuple[Index, Effect]:
            return (structs.replace(index), (1,)) if self._is_due(index) else (index, (0,))

        done = self._commits.change(job.name, rewrite_if_due, job.deadline)
        index = done.state.index
        return Compacted("compacted", len(index), index.size) if done.result[0] else Compacted("idle")

    def _stage(self, rebuilt: Rebuilt, commit_id: str, deadline: Deadline) -> Staged:
        name = f"{STAGING}{commit_id}"
        etag = self._reader.retry(deadline, lambda: self._store.stage(name, rebuilt.parts(self._part_bytes)))
        self.environment.meter.add("StagedBytes", sum(entry.bytes for entry, _ in rebuilt.sections))
        return Staged(name, etag)

    def _commit(self, job: _Job, commit_id: str, rebuilt: Rebuilt, staged: Staged) -> Compacted:
        """Commit the staged body under the present state of the index."""

        def prepare(state: Snapshot, _: int) -> PreparedCommit[Compacted] | Committed[Compacted]:
            index = rebuild.apply(rebuilt, state.index)
            if index is None:
                return Committed(Compacted("overtaken"), state)
            encoded = encode.encode(index, job.name, commit_id, thresholds=self._thresholds, rebuild=False)
            return PreparedCommit(state, encoded, Compacted("compacted", len(index), encoded.size), staged)

        return self._commits.commit(job.name, commit_id, prepare, job.deadline).result


def _job(name: str, deadline: Deadline, report: Report, lease: HeldLease) -> _Job:
    def note(stage: str) -> None:
        report(stage)
        lease.note(stage)

    return _Job(name, deadline, note, lease.renew)
