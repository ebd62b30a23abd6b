"""After a lost race a writer stores its next changes first, waits for other writers, and looks for them at times."""

from functools import partial
from itertools import count

import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after, passes_through
from tests.support.services import FOREVER, Clock, vector
from tests.support.turns import MINE, SOON, adding, ids_in, stored, wait_with, writes_of_index
from vectord.service.commit.pending import folder_of
from vectord.service.service import Service
from vectord.service.values.options import Deadline
from vectord.service.values.selection import Selection

LATER = Deadline(60.0)


def test_after_a_race_the_next_three_changes_are_stored_before_they_are_committed(
    store: ScriptedStore, lost: Service
) -> None:
    lost.add("t", [MINE], FOREVER)
    for number in range(3):
        store.calls.clear()
        lost.add("t", [vector(f"{number}", 1, 2)], FOREVER)
        assert store.requests() == {"head": 1, "put": 2, "staged": 1, "discard": 1}
    store.calls.clear()
    lost.add("t", [vector("last", 1, 2)], FOREVER)
    assert store.requests()["put"] == 1


def test_who_commits_next_waits_for_those_whose_changes_were_committed_together(
    store: ScriptedStore, lost: Service
) -> None:
    for number in range(3):
        wait_with(store, adding(f"{number}"))
    lost.add("t", [MINE], FOREVER)
    start, writes = lost.environment.now(), writes_of_index(store)
    for waiting in stored(store):
        store.inner.discard(f"{folder_of('t')}{waiting}.0")
    store.on("staged", after(lambda: wait_with(store, adding("back"), age=-1)))
    lost.add("t", [vector("next", 1, 2)], SOON)
    assert ("back" in ids_in(store), writes_of_index(store)) == (True, writes + 1)
    assert 0.2 <= lost.environment.now() - start < 0.3


def committed_together(store: ScriptedStore, lost: Service, number: int) -> None:
    """Commit a change of the service together with others, which then wait no more."""
    for one in range(number - 1):
        wait_with(store, adding(f"{one}"))
    lost.add("t", [MINE], FOREVER)
    for waiting in stored(store):
        store.inner.discard(f"{folder_of('t')}{waiting}.0")


def test_who_commits_next_waits_longer_while_others_still_come(store: ScriptedStore, lost: Service) -> None:
    committed_together(store, lost, 6)
    start, writes = lost.environment.now(), writes_of_index(store)
    coming = [after(partial(wait_with, store, adding(f"back-{number}"), age=-1)) for number in range(3)]
    store.on("staged", passes_through, *coming)
    lost.add("t", [vector("next", 1, 2)], LATER)
    assert writes_of_index(store) == writes + 1
    assert {f"back-{number}" for number in range(3)} <= ids_in(store)
    assert lost.environment.now() - start == pytest.approx(0.5)


def test_who_commits_next_does_not_wait_for_ever_for_others_that_come(store: ScriptedStore, lost: Service) -> None:
    committed_together(store, lost, 20)
    start, coming = lost.environment.now(), count()
    store.always("staged", after(lambda: wait_with(store, adding(f"back-{next(coming)}"), age=-1)))
    lost.add("t", [vector("next", 1, 2)], LATER)
    assert lost.environment.now() - start < 0.75


def test_changes_that_wait_are_read_while_others_come(store: ScriptedStore, lost: Service) -> None:
    committed_together(store, lost, 4)
    wait_with(store, adding("back"), age=-1)
    store.calls.clear()
    lost.add("t", [vector("next", 1, 2)], LATER)
    methods = [method for method, *_ in store.calls]
    assert methods.count("get") == 1
    assert methods.index("staged") < methods.index("get") < len(methods) - 1 - methods[::-1].index("staged")


@pytest.mark.parametrize(("together", "seconds"), [(4, 0.05), (5, 0.2)])
def test_one_of_many_that_wait_looks_when_the_next_commit_may_have_begun(
    store: ScriptedStore, together: int, seconds: float
) -> None:
    clock = Clock(ids="many")
    service = services.a_service(store, clock=clock)
    store.on("put", after(lambda: services.a_service(store.inner).add("t", [vector("first", 3, 4)], FOREVER)))
    committed_together(store, service, together)
    wait_with(store, adding("dies"), age=5)
    before = len(clock.sleeps)
    service.add("t", [vector("next", 1, 2)], LATER)
    assert clock.sleeps[before] == pytest.approx(1.25 * seconds)


def test_a_change_that_was_read_is_not_read_again_after_a_lost_race(
    store: ScriptedStore, lost: Service, other: Service
) -> None:
    wait_with(store, adding("a"))
    store.on("put", passes_through, after(lambda: other.delete("t", Selection(["first"]), FOREVER)))
    lost.add("t", [MINE], SOON)
    assert (store.requests()["get"], ids_in(store)) == (1, {"a", "mine"})


def test_a_writer_that_always_wins_looks_for_those_that_wait_twice_and_then_every_2_seconds(
    store: ScriptedStore,
) -> None:
    clock, looks = Clock(), list[int]()
    service = services.a_service(store, clock=clock)
    for number in range(8):
        store.calls.clear()
        service.add("t", [vector(f"{number}", 1, number)], FOREVER)
        looks.append(store.requests()["staged"])
        clock.now += 0.9
    assert looks == [0, 1, 1, 0, 0, 1, 0, 0]
    wait_with(store, adding("a"))
    service.add("t", [vector("next", 1, 1)], FOREVER)
    assert "a" in ids_in(store)


def test_who_lost_to_the_first_change_of_a_fast_writer_does_not_lose_to_its_third(store: ScriptedStore) -> None:
    fast = services.a_service(store)
    fast.add("t", [vector("1", 1, 1)], FOREVER)
    fast.add("t", [vector("2", 1, 2)], FOREVER)
    wait_with(store, adding("lost"))  # while the second change was written
    fast.add("t", [vector("3", 1, 3)], FOREVER)
    assert ids_in(store) == {"1", "2", "3", "lost"}


def test_a_writer_looks_for_no_others_after_a_pause(store: ScriptedStore) -> None:
    clock = Clock()
    service = services.a_service(store, clock=clock)
    for number in range(3):
        service.add("t", [vector(f"{number}", 1, number)], FOREVER)
        clock.now += 20.0
    assert store.requests()["staged"] == 0


def test_nothing_is_built_after_a_lost_race(store: ScriptedStore, lost: Service) -> None:
    lost.add("t", [MINE], FOREVER)
    assert lost.reader.open("t").index.base is None
