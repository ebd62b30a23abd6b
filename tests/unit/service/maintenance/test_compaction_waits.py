"""A compaction starts when no load of the index is going on, or when it has waited long enough."""

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from tests.support.compactions import ExpectedIndex, a_compaction, a_writer, compact, index, vectors
from tests.support.scripted_store import ScriptedStore, after
from tests.support.services import FOREVER, Clock, a_service
from vectord.readers.entry import NewVector
from vectord.service.maintenance.compaction import Compacted, Compaction
from vectord.service.maintenance.quiet import WaitLimits
from vectord.service.values.options import Deadline, NewIndex

LIMITS = WaitLimits()
ROW_BYTES = 32 * 4


class BusyClock(Clock):
    """A clock that runs `meanwhile` during each sleep, until it shows `end`."""

    def __init__(self, meanwhile: Callable[[], object], end: float) -> None:
        super().__init__(ids="compaction")
        self._meanwhile, self._end = meanwhile, end

    def _sleep(self, seconds: float) -> None:
        super()._sleep(seconds)
        if self.now <= self._end:
            self._meanwhile()


def waiting(store: ScriptedStore, clock: Clock, limits: WaitLimits = LIMITS) -> Compaction:
    return a_compaction(store, clock=clock, wait_limits=limits)


def starts(store: ScriptedStore, clock: Clock) -> list[float]:
    """Return a list that gets the time of each build."""
    times: list[float] = []
    store.always("stage", after(lambda: times.append(clock.now)))
    return times


def loading(expected: ExpectedIndex, end: float) -> BusyClock:
    """Return a clock during whose sleeps a row is added, until it shows `end`."""
    return BusyClock(lambda: expected.add(f"load{len(expected.rows)}", seed=len(expected.rows)), end)


@pytest.mark.usefixtures("expected")
def test_it_starts_when_the_index_has_not_changed_for_5_seconds(store: ScriptedStore) -> None:
    clock = Clock()
    times = starts(store, clock)
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert times == [5.0]


def test_each_change_starts_the_5_seconds_again(store: ScriptedStore, expected: ExpectedIndex) -> None:
    clock = loading(expected, 20.0)
    times = starts(store, clock)
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert (times, len(index(store).tail)) == ([25.0], 0)
    assert expected.stored() == expected.rows


def test_a_load_that_does_not_end_delays_a_build_by_at_most_120_seconds(
    store: ScriptedStore, expected: ExpectedIndex
) -> None:
    clock = loading(expected, 120.0)
    times = starts(store, clock)
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert times == [120.0]


def test_a_compaction_uses_at_most_a_quarter_of_its_time_to_wait(store: ScriptedStore, expected: ExpectedIndex) -> None:
    clock = loading(expected, 60.0)
    times = starts(store, clock)
    assert waiting(store, clock).compact("t", "request", Deadline(42.0)).outcome == "compacted"
    assert times == [10.5]


@pytest.mark.parametrize(("most", "start"), [(19, 0.0), (1_000, 5.0)])
def test_a_tail_beyond_the_base_and_the_limit_is_built_at_once(
    store: ScriptedStore, expected: ExpectedIndex, most: int, start: float
) -> None:
    expected.add(*(f"more{row}" for row in range(20)))  # now the tail has more rows than the base of 20
    clock = Clock()
    times = starts(store, clock)
    compact(waiting(store, clock, replace(LIMITS, tail_bytes=most * ROW_BYTES)))
    assert times == [start]


@pytest.mark.usefixtures("expected")
def test_a_tail_smaller_than_the_base_waits_whatever_its_size(store: ScriptedStore) -> None:
    clock = Clock()
    times = starts(store, clock)
    compact(waiting(store, clock, replace(LIMITS, tail_bytes=1)))
    assert times == [5.0]


@pytest.mark.slow
def test_the_first_build_of_an_index_waits_too() -> None:
    store, clock = ScriptedStore(least_part=1), Clock()
    writer = a_writer(store.inner)
    writer.create(NewIndex("t", 4_096), FOREVER)
    drawn = np.random.default_rng(0).standard_normal((1_100, 4_096), np.float32)
    writer.add("t", [NewVector(str(row), vector) for row, vector in enumerate(drawn)], FOREVER)
    assert index(store).base is None
    times = starts(store, clock)
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert times == [5.0]


def test_a_wait_sends_one_conditional_request_a_second(store: ScriptedStore, expected: ExpectedIndex) -> None:
    assert expected
    counts: list[dict[str, int]] = []
    clock = BusyClock(lambda: counts.append(dict(store.requests())), 5.0)
    compact(waiting(store, clock))
    heads = [count.pop("head") for count in counts]
    assert heads == list(range(heads[0], heads[0] + 5))
    assert counts == [counts[0]] * 5


def test_a_build_that_another_worker_commits_meanwhile_ends_the_wait(
    store: ScriptedStore, expected: ExpectedIndex
) -> None:
    builder = a_compaction(store.inner, ids="other", now=10_000.0)  # for which the lease has ended
    clock = BusyClock(lambda: compact(builder, "another request"), 1.0)
    assert compact(waiting(store, clock)) == Compacted("idle")
    assert (clock.now, store.count("stage"), expected.stored()) == (1.0, 0, expected.rows)


def test_an_index_that_is_deleted_meanwhile_ends_the_wait(store: ScriptedStore, expected: ExpectedIndex) -> None:
    clock = BusyClock(lambda: expected.writer.delete_index("t", FOREVER), 1.0)
    assert compact(waiting(store, clock)) == Compacted("gone")


@pytest.mark.usefixtures("expected")
def test_one_of_two_compactions_waits_and_the_other_ends_at_once(store: ScriptedStore) -> None:
    others: list[Compacted] = []
    clock = BusyClock(lambda: others.append(compact(a_compaction(store.inner, ids="other"), "another request")), 1.0)
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert others == [Compacted("busy")]


def test_a_load_during_a_build_delays_the_next_one(store: ScriptedStore, expected: ExpectedIndex) -> None:
    clock, times = Clock(), list[float]()

    def load() -> None:
        times.append(clock.now)
        if len(times) == 1:
            expected.add(*(f"n{i}" for i in range(9)), seed=2)

    store.always("stage", after(load))
    assert compact(waiting(store, clock)).outcome == "compacted"
    assert (times, expected.stored()) == ([5.0, 10.0], expected.rows)


def test_the_log_tells_why_it_waits_every_30_seconds(store: ScriptedStore, expected: ExpectedIndex) -> None:
    clock, lines = loading(expected, 40.0), list[str]()
    waiting(store, clock).compact("t", "request", Deadline(800.0), lines.append)
    assert [line for line in lines if line.startswith("waits")] == ["waits: the index changed 0 s ago"] * 2


def test_the_duration_of_the_wait_is_measured(store: ScriptedStore, expected: ExpectedIndex) -> None:
    assert expected
    compaction = waiting(store, Clock())
    compact(compaction)
    assert compaction.environment.meter.value("WaitMilliseconds") == 5_000


def test_a_small_index_is_not_waited_for_if_no_build_is_due(store: ScriptedStore) -> None:
    service, clock = a_service(store.inner), Clock()
    service.create(NewIndex("t", 32), FOREVER)
    service.add("t", vectors("a", "b"), FOREVER)
    assert compact(waiting(store, clock)) == Compacted("idle")
    assert clock.sleeps == []
