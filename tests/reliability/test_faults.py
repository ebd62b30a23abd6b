"""One fault at a time, at each step of the protocol: acknowledged changes are stored, and each outcome is right."""

from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import pytest

from tests.reliability import model
from tests.reliability.model import Add, Asked, Change, Create, Delete, Drop
from tests.reliability.run import LONG, chance, figure, most
from tests.support import faults
from tests.support.backends import S3Backend
from tests.support.faults import Fault, FaultChooser
from tests.support.faults_once import ONCE, nth
from tests.support.faults_service import PACKED, PATIENCE, PLAIN, TIMEOUTS, a_service
from tests.support.services import a_query
from tools.proxy.exchange import Exchange, Reply
from tools.proxy.server import Proxy, proxy
from vectord.errors import BlobCorrupt, BlobUnsupported, Contended, StorageSilent
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline

DIMENSION = 33
ROWS = tuple((f"id {number}", model.components(number, DIMENSION), b'{"n":%d}' % number) for number in range(30))
# More bytes than a reader's first request returns.
MANY = tuple((f"id {number}", model.components(number, DIMENSION), None) for number in range(700))
MORE = Add(tuple((f"id {number}", model.components(100 + number, DIMENSION), None) for number in range(25, 33)))
ASKED = Asked(model.vector(7, DIMENSION), 10, "cosine")
IDS = [f"id {number}" for number in range(34)]
FORMS = {"plain": PLAIN, "packed": PACKED}
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


@pytest.fixture
def proxied(bucket: S3Backend) -> Iterator[Proxy]:
    with proxy(bucket.endpoint) as before:
        yield before


@pytest.fixture(params=FORMS)
def sizes(request: pytest.FixtureRequest) -> Thresholds:
    return FORMS[request.param]


def filled(bucket: S3Backend, sizes: Thresholds, rows: model.Rows = ROWS) -> model.State:
    service = a_service(bucket, sizes=sizes)
    state: model.State = None
    for change in (Create(DIMENSION, "cosine"), Add(rows)):
        assert model.made(change, service, monotonic() + 60) == change.outcome(state)
        state = change.on(state)
    return state


def settled(bucket: S3Backend, proxied: Proxy) -> model.State:
    """Return what the bucket holds once nothing is on its way."""
    proxied.settle()
    return model.read(bucket.objects()["t"]) if "t" in bucket.objects() else None


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


@pytest.mark.parametrize("form", FORMS)
def test_a_commit_response_cut_at_any_byte_is_never_misread(bucket: S3Backend, proxied: Proxy, form: str) -> None:
    filled(bucket, FORMS[form])
    service = a_service(bucket, proxied.endpoint, sizes=FORMS[form], timeouts=TIMEOUTS)
    lengths = []

    def choose(exchange: Exchange) -> Fault:
        def fault(exchange: Exchange) -> None:
            reply = exchange.forward()
            lengths.append(len(reply.wire))
            exchange.answer(reply, cut)

        return fault if exchange.operation in ("put", "complete") and not lengths else faults.passes

    proxied.choose = choose
    cut = chance("byte", form).randrange(1, 2 if LONG else 40)
    while not lengths or cut < lengths[0]:
        lengths.clear()
        row = ("id 0", model.components(cut, DIMENSION), None)
        outcome = service.add("t", model.entries(row), Deadline(monotonic() + 10))
        assert (outcome.replaced, outcome.etag) == (
            1,
            a_service(bucket).describe("t", Deadline(monotonic() + 10)).etag,
        ), cut
        figure("answers to commits cut at a byte")
        cut += 1 if LONG else 40


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


def cut_at(boundary: int, how: str) -> FaultChooser:
    """Let no byte of an object beyond the boundary arrive; say so by the connection's end, the length or the range."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        start = int(reply.header("content-range").removeprefix("bytes ").partition("-")[0] or 0)
        stop = start + len(reply.body)
        if reply.status not in (200, 206) or stop <= boundary:
            exchange.answer(reply)
        elif how == "the connection ends":
            head = len(reply.wire) - len(reply.body)
            exchange.answer(reply, head + max(0, boundary - start))
        else:
            kept = reply.body[: max(0, boundary - start)]
            short = Reply(reply.status, reply.reason, reply.headers, kept, len(kept))
            if how == "the range is shorter":
                size = reply.header("content-range").rpartition("/")[2]
                short = short.having("content-range", f"bytes {start}-{start + len(kept) - 1}/{size}")
            exchange.answer(short)

    return lambda exchange: fault if exchange.operation in ("range", "get") else faults.passes


def boundaries(blob: bytes) -> list[int]:
    head = frame.decode_head(blob, len(blob))
    stops = [start + entry.bytes for start, entry in zip(head.section_starts(), head.envelope.sections, strict=True)]
    marks = {0, 4, 8, head.body_start, *head.section_starts(), *stops}
    return sorted(near for mark in marks for near in (mark - 1, mark, mark + 1) if 0 <= near < len(blob))


@pytest.mark.parametrize("how", ["the connection ends", "the length is shorter", "the range is shorter"])
@pytest.mark.usefixtures("in_pieces")
def test_an_object_cut_at_a_section_boundary_is_never_accepted_as_whole(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, how: str
) -> None:
    state = filled(bucket, sizes, MANY)
    for boundary in boundaries(bucket.objects()["t"]):
        service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
        proxied.choose = cut_at(boundary, how)
        figure("reads truncated at a section boundary")
        try:
            found = service.search(
                "t", a_query(ASKED.query, ASKED.k, recall=1), Deadline(monotonic() + 0.15)
            ).answer.matches
        except (StorageSilent, BlobCorrupt):
            pass
        else:
            assert ASKED.is_answered(found, state), boundary
        proxied.choose = lambda _: faults.passes
        assert ASKED.is_answered(
            service.search("t", a_query(ASKED.query, ASKED.k, recall=1), Deadline(monotonic() + 10)).answer.matches,
            state,
        )


def test_a_bit_flipped_in_a_response_is_detected(bucket: S3Backend, proxied: Proxy, sizes: Thresholds) -> None:
    state = filled(bucket, sizes)
    blob = bucket.objects()["t"]
    for at in sorted(chance("bits", len(blob)).sample(range(len(blob)), 300 if LONG else 25)):
        service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
        proxied.choose = lambda exchange, at=at: (
            faults.spoils_answer(at) if exchange.operation == "range" else faults.passes
        )
        figure("bits changed in answers")
        try:
            found = service.search("t", a_query(ASKED.query, 100, recall=1), Deadline(monotonic() + 5)).answer.matches
        except (BlobCorrupt, BlobUnsupported) as error:
            assert error.index == "t"
        else:  # it is white space that pads the head
            assert blob[at] == ord(" ")
            assert Asked(ASKED.query, 100, "cosine").is_answered(found, state)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 1])
@pytest.mark.parametrize(("form", "step"), [("plain", "put"), ("packed", "part")])
def test_a_bit_flipped_in_a_request_is_not_stored(
    bucket: S3Backend, proxied: Proxy, form: str, step: str, share: float
) -> None:
    before = filled(bucket, FORMS[form])
    proxied.choose = nth(step, 1, faults.spoils_request(share))
    service = a_service(bucket, proxied.endpoint, sizes=FORMS[form], timeouts=TIMEOUTS)
    assert model.made(MORE, service, monotonic() + 10) == MORE.outcome(before)
    assert settled(bucket, proxied) == MORE.on(before)
    figure("bits changed in bodies of writes")
