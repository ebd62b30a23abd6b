"""Calls of functions beyond Lambda's limits are repeated until the deadline, and then reported as throttled."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.invoked import Functions
from tests.support.services import Clock, a_query
from tests.support.shards import ROWS, HookedStore, a_service
from vectord.errors import (
    FunctionBusy,
    FunctionThrottled,
    OutcomeUnknown,
    PartlyApplied,
    StorageSilent,
    StoreUnavailable,
    Throttled,
)
from vectord.service.service import Service
from vectord.service.sharding.failures import Failed, error_of
from vectord.service.sharding.fan_out import LocalFanOut, RemoteFanOut, WorkerPool
from vectord.service.sharding.messages import (
    ChangeRequest,
    CountRequest,
    CountResult,
    DeleteRequest,
    ShardRequest,
    ShardResult,
    encode,
)
from vectord.service.values.options import Deadline, IdempotencyKey, NewIndex
from vectord.service.values.selection import Selection

THROTTLED = FunctionThrottled("TooManyRequestsException")
DONE = msgspec.json.encode(encode(CountResult(1, "e")).decode())
KEY = IdempotencyKey("k", "00000001")
COUNT = CountRequest("t/g/0")
CHANGE, CHANGE_WITH_KEY = (DeleteRequest("t/g/0", Selection(["a"]), key) for key in (None, KEY))


def called(
    request: ShardRequest, outcomes: Iterable[Exception | bytes], clock: Clock, seconds: float = 20.0
) -> ShardResult:
    """Return the result of one call, whose attempts end with these outcomes one after the other."""
    left = iter(outcomes)

    def invoke(_: bytes, __: float) -> bytes:
        outcome = next(left)
        if isinstance(outcome, bytes):
            return outcome
        raise outcome

    local = LocalFanOut(lambda *_: Failed("not sent"), WorkerPool(clock.environment()))
    [result] = RemoteFanOut(local, invoke, max_local=0).run([request], Deadline(seconds))
    return result


def forever(error: Exception) -> Iterable[Exception]:
    while True:
        yield error


def error_in(result: ShardResult) -> Any:
    assert isinstance(result, Failed)
    return type(error_of(result, "t/g/0", "t"))


@pytest.mark.parametrize("request_", [COUNT, CHANGE, CHANGE_WITH_KEY], ids=["read", "change", "change with a key"])
def test_a_throttled_call_is_repeated_as_often_as_the_deadline_allows(request_: ShardRequest) -> None:
    clock = Clock(random_share=0.5)
    assert isinstance(called(request_, [*[THROTTLED] * 30, DONE], clock), CountResult)
    assert len(clock.sleeps) == 30


def test_waits_have_full_jitter_up_to_a_second() -> None:
    clock = Clock(random_share=0.5)
    called(COUNT, forever(THROTTLED), clock)
    assert clock.draws[:7] == [(0, 0.05), (0, 0.1), (0, 0.2), (0, 0.4), (0, 0.8), (0, 1.0), (0, 1.0)]


@pytest.mark.parametrize("request_", [COUNT, CHANGE, CHANGE_WITH_KEY], ids=["read", "change", "change with a key"])
def test_at_the_deadline_it_is_reported_as_throttled(request_: ShardRequest) -> None:
    clock = Clock()
    assert error_in(called(request_, forever(THROTTLED), clock)) is Throttled
    assert 18.0 < clock.now < 20.0


def test_many_short_waits_are_counted_without_an_overflow() -> None:
    clock = Clock(random_share=0.001)
    assert error_in(called(COUNT, forever(THROTTLED), clock, 2.0)) is Throttled
    assert len(clock.sleeps) > 1_100


def test_throttled_attempts_do_not_use_up_those_of_other_failures() -> None:
    outcomes = [*[THROTTLED] * 10, StoreUnavailable(), FunctionBusy(), *[THROTTLED] * 10, FunctionBusy(), DONE]
    assert isinstance(called(COUNT, outcomes, Clock(random_share=0.1)), CountResult)


@pytest.mark.parametrize(
    ("request_", "outcomes", "error"),
    [
        (COUNT, [StoreUnavailable(), *[THROTTLED] * 99], Throttled),
        (COUNT, [THROTTLED, *[StoreUnavailable()] * 4], StorageSilent),
        (CHANGE, [THROTTLED, StoreUnavailable()], OutcomeUnknown),
        (CHANGE_WITH_KEY, [StoreUnavailable(), *[THROTTLED] * 99], OutcomeUnknown),
        (CHANGE_WITH_KEY, [*[StoreUnavailable()] * 4], OutcomeUnknown),
        (CHANGE_WITH_KEY, [*[FunctionBusy()] * 4], StorageSilent),
    ],
)
def test_what_may_have_run_is_never_reported_as_throttled(
    request_: ChangeRequest, outcomes: list[Exception], error: type[Exception]
) -> None:
    assert error_in(called(request_, outcomes, Clock())) is error


class TestIndex:
    @pytest.fixture
    def service(self, store: HookedStore, functions: Functions) -> Service:
        service = a_service(store, invoke=functions.invoke)
        service.create(NewIndex("t", 2, shards=4), Deadline(1e9))
        return service

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "use",
        [
            lambda service, deadline: service.add("t", ROWS, deadline),
            lambda service, deadline: service.search("t", a_query(np.array([1.0, 2.0]), 3), deadline),
        ],
        ids=["add", "search"],
    )
    def test_a_request_none_of_whose_calls_ran_is_throttled(
        self, service: Service, functions: Functions, use: Callable[[Service, Deadline], object]
    ) -> None:
        functions.script = [THROTTLED] * 1_000_000
        with pytest.raises(Throttled, match="nothing was changed"):
            use(service, Deadline(service.environment.now() + 0.3))
        functions.script = []
        assert service.describe("t", Deadline(1e9)).count == 0

    @pytest.mark.slow
    def test_a_batch_of_which_some_shards_were_throttled_is_partly_applied(
        self, service: Service, functions: Functions
    ) -> None:
        real = functions.invoke

        def invoke(payload: bytes, seconds: float) -> bytes:
            if rb"/3\"" in payload:
                time.sleep(0.05)
                raise THROTTLED
            return real(payload, seconds)

        service = a_service(service.reader.store, invoke=invoke)
        with pytest.raises(PartlyApplied, match="Too many functions") as caught:
            service.add("t", ROWS, Deadline(service.environment.now() + 3.0))
        assert (caught.value.unknown, caught.value.missed > 0, caught.value.applied > 0) == (0, True, True)
