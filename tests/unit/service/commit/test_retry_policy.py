"""Retries are limited by attempts and by a deadline, with full jitter between them."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import services
from tests.support.scripted_store import ScriptedStore, fails_with
from tests.support.services import FOREVER, Clock, vector
from vectord.errors import Contended, WriteConflict
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex


def attempts(policy: RetryPolicy, environment: Environment, deadline: Deadline) -> Iterator[int]:
    """Yield the number of each attempt, as every retry loop makes them."""
    for attempt in range(policy.max_attempts):
        if attempt and not policy.wait(attempt, environment, deadline):
            break
        yield attempt


def test_attempts_are_limited_to_max_attempts() -> None:
    assert list(attempts(RetryPolicy(max_attempts=3), Clock().environment(), FOREVER)) == [0, 1, 2]


def test_an_expired_deadline_still_allows_one_attempt() -> None:
    clock = Clock()
    assert list(attempts(RetryPolicy(), clock.environment(), Deadline(clock.now))) == [0]


@pytest.mark.parametrize("seconds", [0.5, 10.0])
def test_no_attempt_starts_after_the_deadline(seconds: float) -> None:
    clock, starts = Clock(), []
    for _ in attempts(RetryPolicy(), clock.environment(), Deadline(26.0)):
        starts.append(clock.now)
        clock.now += seconds
    assert len(starts) > 1
    assert all(start < 26.0 for start in starts)


def test_each_wait_is_drawn_from_zero_to_a_bound_that_doubles_up_to_the_cap() -> None:
    clock = Clock()
    list(attempts(RetryPolicy(max_attempts=6, base=0.25, cap=1.0), clock.environment(), FOREVER))
    assert clock.draws == [(0, 0.25), (0, 0.5), (0, 1.0), (0, 1.0), (0, 1.0)]


def test_the_drawn_wait_is_the_sleep() -> None:
    clock = Clock(random_share=0.5)
    list(attempts(RetryPolicy(max_attempts=4, base=0.25, cap=1.0), clock.environment(), FOREVER))
    assert clock.sleeps == [0.125, 0.25, 0.5]


@given(random_share=st.floats(0, 1), deadline=st.floats(0, 20), limit=st.integers(1, 30))
def test_no_wait_ends_after_the_deadline(random_share: float, deadline: float, limit: int) -> None:
    clock = Clock(random_share)
    starts = [clock.now for _ in attempts(RetryPolicy(max_attempts=limit), clock.environment(), Deadline(deadline))]
    assert len(starts) <= limit
    assert all(start < deadline for start in starts[1:])


def test_a_change_stops_at_its_deadline() -> None:
    clock, store = Clock(), ScriptedStore()
    service = services.a_service(store, clock=clock)
    service.create(NewIndex("t", 2), FOREVER)
    store.always("put", fails_with(WriteConflict()))
    with pytest.raises(Contended):
        service.add("t", [vector("a", 1, 0)], Deadline(3.0))
    assert 2.0 < clock.now < 3.0


def test_a_change_stops_after_max_attempts() -> None:
    store = ScriptedStore()
    service = services.a_service(store, retry_policy=RetryPolicy(max_attempts=5))
    service.create(NewIndex("t", 2), FOREVER)
    store.always("put", fails_with(WriteConflict()))
    with pytest.raises(Contended):
        service.add("t", [vector("a", 1, 0)], FOREVER)
    assert store.count("put") == 1 + 5
