"""One fault at a time, at each step of the protocol: acknowledged changes are stored, and each outcome is right."""

from collections.abc import Callable
from functools import partial
from time import monotonic

import pytest

from tests.reliability import model
from tests.reliability.faulted import ASKED, FORMS, IDS, MORE, ROWS, filled, settled
from tests.reliability.model import Change, Create, Delete, Drop
from tests.reliability.run import figure, most
from tests.support import faults
from tests.support.backends import S3Backend
from tests.support.faults import Fault
from tests.support.faults_once import ONCE, nth
from tests.support.faults_service import PATIENCE, PLAIN, TIMEOUTS, a_service
from tests.support.services import a_query
from tools.proxy.exchange import Exchange
from tools.proxy.server import Proxy
from vectord.errors import Contended, StorageSilent
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline

STEPS = {"plain": ["put"], "packed": ["upload", "part", "copy", "complete"]}
BUDGET = 2.0  # seconds that each caller has
# What may follow the end of them: the last attempt, and the look for what became of it, each as long as one request.
SLACK = 2 * (TIMEOUTS.connect + TIMEOUTS.work) + 0.5

CHANGES: dict[str, Change] = {
    "add": MORE,
    "delete": Delete(("id 3", "id 29")),
    "create": Create(3, "cosine"),
    "drop": Drop(),
}


@pytest.mark.parametrize("fault", ONCE)
@pytest.mark.parametrize(("form", "step"), [(form, step) for form, steps in STEPS.items() for step in steps])
def test_a_fault_at_one_step_of_a_batch_is_retried_and_nothing_is_applied_twice(
    bucket: S3Backend, proxied: Proxy, form: str, step: str, fault: str
) -> None:
    before = filled(bucket, FORMS[form])
    service = a_service(bucket, proxied.endpoint, sizes=FORMS[form], timeouts=TIMEOUTS)
    assert model.count(service, monotonic() + BUDGET) == len(ROWS)
    commits = len(model.commits(bucket.objects()["t"]))
    proxied.choose = nth(step, 1, ONCE[fault])
    assert model.made(MORE, service, monotonic() + 10) == MORE.outcome(before)
    figure("single faults")
    assert settled(bucket, proxied) == MORE.on(before)
    assert len(model.commits(bucket.objects()["t"])) == commits + 1
    model.holds(service, MORE.on(before), IDS, ASKED, monotonic() + 10)


# What says "not there" to the second of two deletions is taken at its word: see the docs.
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (change, name)
        for change in ("create", "drop")
        for name in ONCE
        if (change, name) != ("drop", "it arrives twice")
    ],
)
def test_a_fault_at_a_creation_or_deletion_is_retried(
    bucket: S3Backend, proxied: Proxy, change: str, fault: str
) -> None:
    service = a_service(bucket, proxied.endpoint, timeouts=TIMEOUTS)
    before = None if change == "create" else filled(bucket, PLAIN)
    proxied.choose = nth("create" if change == "create" else "delete", 1, ONCE[fault])
    outcome = model.made(CHANGES[change], service, monotonic() + 10)
    figure("single faults")
    assert outcome == CHANGES[change].outcome(before)
    assert settled(bucket, proxied) == CHANGES[change].on(before)


@pytest.mark.parametrize("fault", [name for name in ONCE if name not in ("409", "it arrives twice")])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.usefixtures("in_pieces")
def test_a_fault_at_a_read_is_retried(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, number: int, fault: str
) -> None:
    state = filled(bucket, sizes)
    proxied.choose = nth("range", number, ONCE[fault])
    model.holds(
        a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS), state, IDS, ASKED, monotonic() + 10
    )
    figure("single faults")


SILENCES: dict[str, Fault] = {
    "503": faults.refuses(503, "SlowDown"),
    "resets": faults.loses_request,
    "no answer": faults.delays(TIMEOUTS.work * 2),
    "half answers": faults.cuts_answer(0.5),
}
CALLS: dict[str, Callable[[Service, float], object]] = {
    **{name: partial(model.made, change) for name, change in CHANGES.items()},
    "search": lambda service, until: service.search("t", a_query(ASKED.query, 3), Deadline(until)),
    "lookup": lambda service, until: service.lookup("t", "id 1", Deadline(until)),
    "describe": lambda service, until: service.describe("t", Deadline(until)),
}


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("call", CALLS)
def test_a_request_ends_in_time_when_storage_does_not_answer(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, call: str, silence: str
) -> None:
    filled(bucket, sizes)
    forever = RetryPolicy(max_attempts=10_000, base=PATIENCE.base, cap=PATIENCE.cap)
    service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS, retry_policy=forever)
    proxied.choose = lambda _: SILENCES[silence]
    start = monotonic()
    try:
        outcome = CALLS[call](service, start + 0.5)
    except StorageSilent:
        outcome = model.NOTHING
    took = monotonic() - start
    most("seconds after the deadline, storage silent", took - 0.5)
    assert outcome in (model.NOTHING, model.UNKNOWN) or (outcome == model.EXISTS and silence == "half answers")
    assert 0.3 < took < 0.5 + SLACK


@pytest.mark.parametrize("change", ["add", "delete"])
def test_a_change_whose_every_response_is_lost_is_outcome_unknown_and_stored_once(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, change: str
) -> None:
    before = filled(bucket, sizes)
    service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
    assert model.count(service, monotonic() + BUDGET) == len(ROWS)
    gone = False

    def choose(exchange: Exchange) -> Fault:
        nonlocal gone
        gone = gone or exchange.operation in ("put", "complete")
        return faults.loses_reply if gone else faults.passes

    proxied.choose = choose
    assert model.made(CHANGES[change], service, monotonic() + 0.5) == model.UNKNOWN
    assert settled(bucket, proxied) == CHANGES[change].on(before)


@pytest.mark.parametrize("change", ["add", "delete"])
def test_a_change_that_may_still_arrive_is_outcome_unknown(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, change: str
) -> None:
    before = filled(bucket, sizes)
    service = a_service(
        bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS, retry_policy=RetryPolicy(max_attempts=1)
    )
    assert model.count(service, monotonic() + BUDGET) == len(ROWS)
    late = faults.delays(TIMEOUTS.work * 2)
    proxied.choose = lambda exchange: late if exchange.operation in ("put", "complete") else faults.passes
    assert model.made(CHANGES[change], service, monotonic() + 10) == model.UNKNOWN
    assert settled(bucket, proxied) == CHANGES[change].on(before)


def test_a_writer_that_always_loses_gets_contended_in_time(bucket: S3Backend, proxied: Proxy) -> None:
    before = filled(bucket, PLAIN)
    proxied.choose = nth("put", 1, faults.refuses(412, "PreconditionFailed"), times=1_000)
    with pytest.raises(Contended):
        MORE.by(a_service(bucket, proxied.endpoint, timeouts=TIMEOUTS), monotonic() + 0.5)
    assert settled(bucket, proxied) == before
