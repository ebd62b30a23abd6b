"""Compaction: build a large index anew beside the changes that go on, and put the new body under them in one commit.

| what happens meanwhile                     | what comes of it                                                      |
|--------------------------------------------|-----------------------------------------------------------------------|
| rows are added, replaced or deleted        | carried over; drawn again for each state that the commit meets        |
| another build of the index is committed    | this one is given up: overtaken                                       |
| the index is deleted, and perhaps created  | given up: gone, or overtaken                                          |
| this process dies                          | the index is as it was; what is staged goes by the bucket's rule      |
| a second compaction of the index starts    | it sees the claim of the first, and leaves                            |
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import msgspec
from msgspec import structs

from vectord.cache.section_cache import SectionCache
from vectord.errors import IndexNotFound, StoreError
from vectord.index.build import rebuild
from vectord.index.build.rebuild import Rebuilt
from vectord.index.codec import encode
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, build_is_due
from vectord.service.commit.loop import CommitLoop, Committed, PreparedCommit, Staged
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.maintenance.lease import Leases
from vectord.service.snapshots.cache import Snapshot, SnapshotCache
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import Store
from vectord.storage.limits import STAGING

_PART: Final = 16 << 20  # bytes of what is staged in one request
_AGAIN: Final = 2.0  # so many times as long as the last build took must be left for another one
_GRACE: Final = 60.0  # seconds that a claim outlasts the time given, since clocks differ

Outcome = Literal["compacted", "idle", "busy", "overtaken", "gone"]


class Compacted(msgspec.Struct, frozen=True):
    """What became of a compaction; if it is `compacted`, the rows and bytes of the index then.

    `idle`: nothing was due; `busy`: another one is at it; `overtaken`: another build was committed meanwhile.
    """

    outcome: Outcome
    rows: int = 0
    size: int = 0


class Compaction:
    """Compacts the indexes of one store."""

    def __init__(
        self,
        store: Store,
        files: SectionCache,
        *,
        environment: Environment,
        retry_policy: RetryPolicy,
        sizes: Thresholds | None = None,
        clock: Callable[[], float] = time.time,
        part: int = _PART,
    ) -> None:
        """Take `clock` as in `Leases`, and `part` as the bytes of a request of what is staged."""
        self._store, self._patience, self.environment, self._part = store, retry_policy, environment, part
        self._sizes = sizes or Thresholds()
        self._reads = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits = CommitLoop(self._reads, sizes)
        self._claims = Leases(store, environment, retry_policy, clock)

    def compact(self, name: str, holder: str, until: float) -> Compacted:
        """Build index `name` anew if that is due; to do it twice, or at once, does no harm.

        `holder` names the request: one that is repeated after its function died takes over from itself.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed, or it is unknown; to try again does no harm.
        """
        try:
            if not self._is_due(self._reads.state(name, until).index):
                return Compacted("idle")
            with self._claims.held(name, holder, until - self.environment.now() + _GRACE, until) as held:
                return self._while_due(name, until) if held else Compacted("busy")
        except IndexNotFound:
            return Compacted("gone")

    def _is_due(self, index: Index) -> bool:
        return index.can_keep_base and build_is_due(index, self._sizes)

    def _while_due(self, name: str, until: float) -> Compacted:
        """Build, and build again if enough came meanwhile: nobody would ask for that before the next change."""
        done = Compacted("idle")
        while True:
            start = self.environment.now()
            last = self._once(name, until)
            if last.outcome != "compacted":
                return last if done.outcome == "idle" else done
            done = last
            if self.environment.now() + _AGAIN * (self.environment.now() - start) >= until:
                return done

    def _once(self, name: str, until: float) -> Compacted:
        token = self.environment.new_id()

        def rebuilt_if_due(index: Index) -> Rebuilt | None:
            return rebuild.rebuild(index, token, self._sizes) if self._is_due(index) else None

        with self.environment.timed("BuildMilliseconds"):
            rebuilt, _ = self._reads.using(name, until, rebuilt_if_due)
        if rebuilt is None:
            return self._rewrite(name, until)
        try:
            with self.environment.timed("StageMilliseconds"):
                staged = self._stage(rebuilt, token, until)
            with self.environment.timed("CommitMilliseconds"):
                return self._put_under(name, token, rebuilt, staged, until)
        finally:
            with suppress(StoreError):  # the bucket's rule removes what is left
                self._store.discard(f"{STAGING}{token}")

    def _rewrite(self, name: str, until: float) -> Compacted:
        """Write an index whole, if it is due and too small by now to be packed; the commit builds it."""

        def same(index: Index) -> tuple[Index, bool]:
            return (structs.replace(index), True) if self._is_due(index) else (index, False)

        done = self._commits.change(name, same, until)
        left = done.state.index
        return Compacted("compacted", len(left), left.size) if done.result else Compacted("idle")

    def _stage(self, rebuilt: Rebuilt, token: str, until: float) -> Staged:
        name = f"{STAGING}{token}"
        etag = self._patience.run(self.environment, until, lambda: self._store.stage(name, rebuilt.parts(self._part)))
        self.environment.meter.add("StagedBytes", sum(entry.bytes for entry, _ in rebuilt.sections))
        return Staged(name, etag)

    def _put_under(self, name: str, token: str, rebuilt: Rebuilt, staged: Staged, until: float) -> Compacted:
        """Commit the staged body under whatever the index has become."""

        def draw(state: Snapshot) -> PreparedCommit[Compacted] | Committed[Compacted]:
            index = rebuild.apply(rebuilt, state.index)
            if index is None:
                return Committed(Compacted("overtaken"), state)
            encoded = encode.encode(index, name, token, thresholds=self._sizes, rebuild=False)
            return PreparedCommit(state, encoded, Compacted("compacted", len(index), encoded.size), staged)

        return self._commits.commit(name, token, draw, until).result
