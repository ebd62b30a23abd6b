"""Small packed indexes, services that defer builds, compactions, and the expected content as a dict."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import msgspec
import numpy as np

from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, Clock, a_query, new_section_cache
from vectord.index.codec import decode
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.readers.entry import NewVector
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.maintenance.compaction import Compacted, Compaction
from vectord.service.maintenance.lease import Repeat, in_a_thread
from vectord.service.maintenance.quiet import WaitLimits
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.results import StoredVector
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent, Store, StoredObject
from vectord.storage.limits import STAGING
from vectord.storage.memory import MemoryStore

DIMENSION = 32  # the least in which rows are spilled
NO_WAIT = WaitLimits(quiet=0)
# Packed from the first byte; a build is due from 9 rows of tail, or as many removed.
SIZES = Thresholds(packed=1, tail_rows=8, tail_share=1_000_000, removed_share=1_000_000, pieces=3, part=4_096)


type Rows = dict[str, tuple[bytes, bytes]]  # vector and metadata by id


class RecordedInvocations:
    """Records the indexes whose compaction was requested, and does nothing."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, payload: bytes, _: float) -> None:
        self.names.append(msgspec.json.decode(payload)["index"])


class Renewals:
    """Renewals of a lease that are due when the test says so; after the end of its block none is."""

    def __init__(self) -> None:
        self._act: Callable[[], None] | None = None

    @contextmanager
    def __call__(self, _: float, act: Callable[[], None]) -> Iterator[None]:
        self._act = act
        try:
            yield
        finally:
            self._act = None

    def make_one(self) -> None:
        assert self._act is not None
        self._act()


class WallClock:
    """A wall clock that the test sets."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def a_writer(store: Store, ids: str = "writer") -> Service:
    """Return a service that never has enough memory for a build."""
    return a_service_with_builds(store, RecordedInvocations(), memory=0, clock=Clock(ids=ids))


def a_service_with_builds(store: Store, invoke: RecordedInvocations | None, *, memory: int, clock: Clock) -> Service:
    """Return a service that builds in `memory` bytes and otherwise asks for a compaction by `invoke`, if it can."""
    environment = clock.environment()
    build_policy = BuildPolicy(environment, invoke, memory) if invoke else None
    return Service(
        store,
        new_section_cache(),
        memory_bytes=1 << 20,
        environment=environment,
        retry_policy=RetryPolicy(),
        thresholds=SIZES,
        build_policy=build_policy,
    )


def a_compaction(
    store: Store,
    *,
    ids: str = "compaction",
    clock: Clock | None = None,
    now: float = 0.0,
    sizes: Thresholds = SIZES,
    wait_limits: WaitLimits = NO_WAIT,
    wall_clock: WallClock | None = None,
    repeat: Repeat = in_a_thread,
) -> Compaction:
    """Return a compaction whose wall clock is given or shows `now`, in the environment of `clock` or of a new one.

    By default it does not wait for the end of a load.
    """
    return Compaction(
        store,
        new_section_cache(),
        environment=(clock or Clock(ids=ids)).environment(),
        retry_policy=RetryPolicy(max_attempts=8),
        thresholds=sizes,
        wait_limits=wait_limits,
        clock=wall_clock or WallClock(now),
        repeat=repeat,
        part_bytes=1_000,
    )


def compact(compaction: Compaction, holder: str = "request", name: str = "t") -> Compacted:
    """Compact an index, for a request that has 800 seconds."""
    return compaction.compact(name, holder, Deadline(800.0))


def index(store: ScriptedStore) -> Index:
    """Return index `t` as it is stored."""
    found = store.inner.get("t")
    assert isinstance(found, StoredObject)
    return decode.open_blob(found.data)


def staged(store: ScriptedStore) -> list[str]:
    """Return the names of the staged objects of compactions."""
    return [name for name in store.inner._objects if name.startswith(STAGING)]


def rows_of(vectors: Iterable[NewVector | StoredVector]) -> Rows:
    return {one.id: (one.vector.tobytes(), bytes(one.metadata or b"")) for one in vectors}


def vectors(*ids: str, seed: int = 0) -> list[NewVector]:
    """Return a float32 vector for each id; each seed gives vectors and metadata of its own."""
    drawn = np.random.default_rng(seed).standard_normal((len(ids), DIMENSION)).astype(np.float32)
    texts = [msgspec.Raw(msgspec.json.encode({"of": vector_id, "seed": seed})) for vector_id in ids]
    return [NewVector(*one) for one in zip(ids, drawn, texts, strict=True)]


class ExpectedIndex:
    """Index `t`, changed by a writer, and its expected content: `rows` has vector and metadata by id."""

    def __init__(self, store: Store) -> None:
        """Create it with 20 rows in its graph, and later changes that make a build due."""
        self.store, self.writer = store, a_writer(store)
        blob, rows = _due_for_a_build()
        self.rows = dict(rows)
        store.put("t", blob, IfAbsent(), "setup")

    def add(self, *ids: str, seed: int = 0) -> None:
        """Add or replace."""
        new = vectors(*ids, seed=seed)
        self.writer.add("t", new, FOREVER)
        self.rows |= rows_of(new)

    def delete(self, *ids: str) -> None:
        self.writer.delete("t", Selection(list(ids)), FOREVER)
        for vector_id in ids:
            self.rows.pop(vector_id, None)

    def stored(self) -> Rows:
        """Return the rows that another function reads, each by a lookup."""
        reader = a_writer(self.store)
        everything = reader.search("t", a_query(np.ones(DIMENSION), 1_000, recall=1), FOREVER)
        ids = [match.id for match in everything.answer.matches]
        assert len(ids) == len(set(ids)) == everything.answer.count
        return rows_of(reader.lookup("t", vector_id, FOREVER) for vector_id in ids)


@cache
def _due_for_a_build() -> tuple[bytes, Rows]:
    """Return the blob of an index with 20 rows in its graph and later changes, and its rows; tests share it."""
    store = MemoryStore(least_part=1)
    writer = a_writer(store, ids="setup")
    writer.create(NewIndex("t", DIMENSION), FOREVER)
    first = vectors(*map(str, range(20)))
    later = vectors(*(f"late{i}" for i in range(6)), "3", "4", "5", "6", "7", seed=1)
    for batch in (first, later):
        writer.add("t", batch, FOREVER)
    writer.delete("t", Selection(["0", "late0"]), FOREVER)
    found = store.get("t")
    assert isinstance(found, StoredObject)
    rows = rows_of(first) | rows_of(later)
    return found.data, {vector_id: row for vector_id, row in rows.items() if vector_id not in ("0", "late0")}
