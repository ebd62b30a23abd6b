"""A first change gives way to a write in progress of another process: it is stored, and waits for that commit."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Lock

import numpy as np
import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after, fails_with, no_reply, passes_through
from tests.support.sections import packed
from tests.support.services import FOREVER, Clock, vector
from tests.support.turns import stored
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds
from vectord.service.commit import turns
from vectord.service.service import Service
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline, WriteOptions
from vectord.storage.base import Condition, CopySource, IfAbsent, WriteInProgress
from vectord.storage.memory import MemoryStore

SIZES = Thresholds(packed=1, tail_rows=1 << 30, part=256)
BEGINNERS = 6
meets_a_write = fails_with(WriteInProgress("another upload is in progress"))


class Copies(MemoryStore):
    """A store that copies for 0.1 seconds, and knows the writes in progress, as S3 does: in the order of their ids."""

    def __init__(self) -> None:
        super().__init__(least_part=1)
        self.asked: list[bool] = []
        self.copied = 0
        self._began, self._in_progress, self._changes = count(), set[int](), Lock()

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        with self._changes:
            self.asked.append(gives_way)
            if gives_way and self._in_progress:
                raise WriteInProgress(name)
            self._in_progress.add(own := next(self._began))
            self.copied += 1
        try:
            time.sleep(0.1)
            return super().splice(name, head, source, condition=condition, commit=commit)
        finally:
            self._in_progress.discard(own)


@pytest.fixture
def copies() -> Copies:
    """A store with the packed index `t`."""
    copies = Copies()
    rows = np.random.default_rng(7).standard_normal((200, 2)).astype(np.float32)
    index = packed([Item(f"row-{number}", row, None) for number, row in enumerate(rows)], 2, SIZES)
    copies.put("t", index.blob, IfAbsent(), "setup")
    return copies


@pytest.fixture
def store(copies: Copies) -> ScriptedStore:
    return ScriptedStore(copies)


@pytest.fixture
def clock() -> Clock:
    return Clock(ids="ours")


@pytest.fixture
def service(store: ScriptedStore, clock: Clock) -> Service:
    return services.a_service(store, clock=clock, sizes=SIZES)


@pytest.fixture
def other(copies: Copies) -> Service:
    return services.a_service(copies, clock=Clock(ids="other"), sizes=SIZES)


def add(service: Service, *ids: str, deadline: Deadline = FOREVER, write: WriteOptions | None = None) -> int:
    return service.add("t", [vector(one, 1, 1) for one in ids], deadline, write or WriteOptions()).count


def ids_of(copies: Copies) -> set[str]:
    found = services.a_service(copies).search("t", services.a_query(vector("q", 1, 1).vector, 1_000), FOREVER)
    return {match.id for match in found.answer.matches}


def test_only_the_first_change_of_a_streak_gives_way(service: Service, copies: Copies, clock: Clock) -> None:
    for pause in (1.0, 9.0, 11.0, 1.0):
        add(service, f"{clock.now}")
        clock.now += pause
    add(service, "last")
    assert copies.asked == [True, False, False, True, False]


def test_changes_of_two_indexes_in_turns_give_way_only_at_first(service: Service, copies: Copies) -> None:
    blob = copies.get("t")
    copies.put("u", blob.data, IfAbsent(), "setup")  # type: ignore[union-attr]
    for number in range(2):
        for name in ("t", "u"):
            service.add(name, [vector(f"{number}", 1, 1)], FOREVER)
    assert copies.asked == [True, True, False, False]


def test_a_change_with_a_precondition_does_not_give_way(service: Service, copies: Copies) -> None:
    add(service, "a", write=WriteOptions({service.describe("t", FOREVER).etag}))
    assert copies.asked == [False]


def test_a_change_whose_write_got_no_answer_does_not_give_way_to_itself(
    service: Service, copies: Copies, store: ScriptedStore
) -> None:
    store.on("splice", no_reply)
    add(service, "a")
    assert copies.asked == [False]


def test_a_change_that_gave_way_waits_for_the_other_and_loses_nothing(
    service: Service, other: Service, store: ScriptedStore, clock: Clock
) -> None:
    store.on("splice", meets_a_write)
    while_it_waits(store, lambda: add(other, "theirs"))
    assert add(service, "ours") == 202
    meter = service.environment.meter
    assert (meter.value("Conflicts"), meter.value("Commits"), store.count("splice")) == (0, 1, 2)
    assert clock.now < 1.0


def test_after_a_change_gave_way_the_next_ones_are_stored_first(
    service: Service, other: Service, store: ScriptedStore
) -> None:
    store.on("splice", meets_a_write)
    while_it_waits(store, lambda: add(other, "theirs"))
    add(service, "ours")
    store.calls.clear()
    add(service, "next")
    assert store.requests() == {"head": 1, "put": 1, "staged": 1, "splice": 1, "discard": 1}


def test_the_other_writer_finds_a_change_that_gave_way_when_it_writes_again(
    service: Service, other: Service, store: ScriptedStore, copies: Copies
) -> None:
    store.on("splice", meets_a_write)

    def twice() -> None:
        add(other, "first")
        add(other, "second")

    while_it_waits(store, twice)
    add(service, "ours")
    assert store.count("splice") == 1
    assert {"first", "second", "ours"} <= ids_of(copies)


def test_a_change_that_gave_way_to_a_writer_that_dies_is_committed_in_some_seconds(
    service: Service, store: ScriptedStore, copies: Copies, clock: Clock
) -> None:
    store.on("splice", meets_a_write)
    add(service, "ours", deadline=Deadline(20.0))
    assert 2.0 <= clock.now < 3.0
    assert ("ours" in ids_of(copies), stored(store)) == (True, [])


def test_a_change_does_not_let_a_writer_pass_for_as_long_as_a_large_index_takes(
    service: Service, store: ScriptedStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_COPIED", 100)  # bytes a second: to write this index takes minutes
    store.on("splice", meets_a_write)
    add(service, "ours", deadline=Deadline(60.0))
    assert 5.0 <= clock.now < 6.0


def while_it_waits(store: ScriptedStore, run: Callable[[], object]) -> None:
    """Run something before the fourth look at the index: the change has been stored, and waits."""
    store.on("head", passes_through, passes_through, passes_through, after(run))


@pytest.mark.slow
def test_of_several_processes_that_begin_at_once_one_copies_and_another_commits_for_the_others(copies: Copies) -> None:
    together = Barrier(BEGINNERS)

    def write(number: int) -> float:
        service = services.a_service(copies, environment=Environment(), sizes=SIZES)
        service.describe("t", FOREVER)
        together.wait()
        add(service, f"new-{number}")
        return service.environment.meter.value("Conflicts")

    with ThreadPoolExecutor(BEGINNERS) as pool:
        lost = sum(pool.map(write, range(BEGINNERS)))
    assert lost == 0
    assert copies.copied <= 3
    assert {f"new-{number}" for number in range(BEGINNERS)} <= ids_of(copies)
