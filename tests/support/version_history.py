"""Earlier versions of a small index: each write replaces its whole object, or copies the body if it is packed."""

from datetime import UTC, datetime, timedelta

import numpy as np

from tests.support.compactions import DIMENSION, SIZES, vectors
from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, Clock, a_service, new_section_cache
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.service.commit.create_delete import ObjectLifecycle
from vectord.service.commit.loop import CommitLoop
from vectord.service.history import History
from vectord.service.service import Service
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.snapshots.versions import Versions
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import Store

PLAIN = Thresholds()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Rows = dict[str, bytes]


class Calendar:
    """A clock for a store that stands still until a test advances it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, minutes: int = 1) -> None:
        self.now += timedelta(minutes=minutes)


class HistoryService:
    """A process that reads, restores and copies earlier versions on one store."""

    def __init__(
        self, store: Store, *, ids: str = "ours", sizes: Thresholds = PLAIN, retry_policy: RetryPolicy | None = None
    ) -> None:
        self.clock, files = Clock(ids=ids), new_section_cache()
        environment = self.clock.environment()
        self.reads = SnapshotReader(
            store,
            SnapshotCache(store, files, 1 << 20, environment),
            environment,
            retry_policy or RetryPolicy(max_attempts=4),
        )
        self.versions = Versions(self.reads, files, 1 << 20)
        objects, commits = ObjectLifecycle(self.reads, sizes), CommitLoop(self.reads, sizes)
        self.history = History(self.reads, self.versions, commits, objects, sizes)


class IndexHistory:
    """Index `t`: created, given the rows `a` to `j`, then `k`, and then without `a`; one minute apart.

    `etags` and `rows` are those of these states, in order.
    """

    def __init__(self, *, packed: bool = False) -> None:
        self.calendar = Calendar()
        self.store = ScriptedStore(least_part=1, clock=self.calendar)
        self.sizes = SIZES if packed else PLAIN
        self.etags: list[str] = []
        self.rows: list[Rows] = []
        self.writer = self.another("writer")
        self.writer.create(NewIndex("t", DIMENSION), FOREVER)
        self._note({})
        self.writer.add("t", vectors(*"abcdefghij"), FOREVER)
        self._note(rows_of(*"abcdefghij"))
        self.writer.add("t", vectors("k"), FOREVER)
        self._note(rows_of(*"abcdefghij") | rows_of("k"))
        self.writer.delete("t", Selection(["a"]), FOREVER)
        self._note({one: row for one, row in self.rows[-1].items() if one != "a"})
        self.store.calls.clear()

    def another(self, ids: str = "other") -> Service:
        """Return a process whose requests are never scripted."""
        return a_service(self.store.inner, clock=Clock(ids=ids), sizes=self.sizes)

    def add_late(self) -> None:
        """Have another process add the row `late`."""
        self.another().add("t", vectors("late"), FOREVER)

    @property
    def write(self) -> str:
        """The method of the store by which a restore of `t`, or a copy of it, is written."""
        return "put" if self.sizes is PLAIN else "splice"

    def count(self) -> int:
        """Return how many versions of `t` are stored."""
        return len(self.store.inner.versions("t", 100).versions)

    def names(self) -> list[str]:
        """Return the name of every index."""
        return [one.name for one in self.store.inner.list("", 10, None).objects]

    def service(self, retry_policy: RetryPolicy | None = None) -> HistoryService:
        """Return a process whose requests follow the store's script."""
        return HistoryService(self.store, sizes=self.sizes, retry_policy=retry_policy)

    def present(self, name: str = "t") -> Rows:
        """Return the rows that another process finds."""
        return vectors_by_id(HistoryService(self.store.inner, sizes=self.sizes).reads.present(name, FOREVER).index)

    def _note(self, rows: Rows) -> None:
        self.etags.append(self.store.inner.etag("t"))
        self.rows.append(rows)
        self.calendar.passes()


def rows_of(*ids: str) -> Rows:
    return {one.id: np.asarray(one.vector, np.float32).tobytes() for one in vectors(*ids)}


def vectors_by_id(index: Index) -> Rows:
    """Return the vectors of an index by id, float32."""
    rows = index.rows
    return {vector_id: vector.tobytes() for vector_id, vector in zip(rows.ids, rows.vectors, strict=True)}
