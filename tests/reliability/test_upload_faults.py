"""An uploaded file is ingested once and as a whole, or redelivered by the queue."""

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from tests.reliability import model
from tests.reliability.model import Add, Create
from tests.reliability.run import LONG, chance, figure, most
from tests.support import faults
from tests.support.faults import Fault
from tests.support.faults_boto import READ, SLACK, Uploads, boto_client
from tests.support.faults_once import ONCE, nth
from tests.support.faults_schedule import Schedule
from tests.support.faults_service import TIMEOUTS, Bucket, a_service
from tools.proxy.server import Proxy, proxy
from vectord.service.commit.turns import TAKEOVER

DIMENSION = 3
FILES = 120 if LONG else 8
STEP = 1 if LONG else 60  # bytes from cut to cut
BUDGET = 2.0
# A writer waits TAKEOVER seconds for each stored change before its own whose writer ended. Deliveries whose withdrawal
# of a change failed leave such changes, so with less time every further delivery could end while it waits for them.
DELIVERY = 4 * TAKEOVER
BAD = b'{"id": "a", "vector": [1, 2, 3]}\n{"id": "b", "vector": [1, 2]}\n'


@pytest.fixture(scope="module")
def between(endpoint: str) -> Iterator[tuple[Proxy, Any]]:
    """The proxy, and boto3's client behind it, which is slow to make."""
    with proxy(endpoint) as before:
        yield before, boto_client(before.endpoint)


@pytest.fixture
def proxied(between: tuple[Proxy, Any]) -> Proxy:
    between[0].choose = lambda _: faults.passes
    return between[0]


@pytest.fixture
def uploads(bucket: Bucket, between: tuple[Proxy, Any], proxied: Proxy) -> Uploads:
    """The inbox of an empty index `t`."""
    bucket.keep_versions()
    assert Create(DIMENSION, "cosine").by(a_service(bucket), monotonic() + 60) == (0,)
    return Uploads(bucket, proxied.endpoint, between[1])


def rows(*ids: str, seed: int = 0) -> model.Rows:
    return tuple((one, model.components(seed + number, DIMENSION), None) for number, one in enumerate(ids))


def lines(some: model.Rows) -> bytes:
    """Write rows as a file, whose every beginning that ends with a line is a file too."""
    return b"".join(
        json.dumps({"id": entry.id, "vector": [float(one) for one in entry.vector]}).encode() + b"\n"
        for entry in model.entries(*some)
    )


def state(bucket: Bucket) -> model.State:
    return model.read(bucket.objects()["t"])


ROWS = rows("a", "b", "c", "d", "e")


@pytest.mark.parametrize("fault", ONCE)
@pytest.mark.parametrize("step", ["range", "get", "put"])
def test_a_fault_at_one_step_of_an_ingestion_leads_to_one_commit_or_redelivery(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, step: str, fault: str
) -> None:
    """Read the index, read the file, commit."""
    message = uploads.put("uploads/t/x.jsonl", lines(ROWS))
    proxied.choose = nth(step, 1, ONCE[fault])
    left = uploads.deliver([message], monotonic() + BUDGET)
    figure("single faults of boto3's requests")
    proxied.settle()
    assert state(bucket) == ({} if left else Add(ROWS).on({}))
    assert uploads.deliver(left, monotonic() + BUDGET) == []
    assert uploads.deliver([message], monotonic() + BUDGET) == []  # queues deliver twice
    assert state(bucket) == Add(ROWS).on({})
    assert bucket.versions("t") == 2
    assert uploads.reports() == {}


@pytest.mark.parametrize("fault", ONCE)
@pytest.mark.parametrize("request_", [("range", 4), ("put", 1)], ids=["read", "commit"])
def test_a_fault_at_the_commit_of_a_group_leads_to_one_commit_or_redelivery_of_its_files(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, request_: tuple[str, int], fault: str
) -> None:
    """Read the index for each file, and again before the commit; then write it."""
    files = [rows(name, seed=number) for number, name in enumerate("abc")]
    messages = [uploads.put(f"uploads/t/{some[0][0]}.jsonl", lines(some)) for some in files]
    whole = Add(tuple(row for some in files for row in some)).on({})
    proxied.choose = nth(*request_, ONCE[fault])
    left = uploads.deliver(messages, monotonic() + BUDGET)
    figure("single faults of boto3's requests")
    proxied.settle()
    assert len(left) in {0, len(messages)}
    assert state(bucket) == ({} if left else whole)
    assert uploads.deliver(left, monotonic() + BUDGET) == []
    assert uploads.deliver(messages, monotonic() + BUDGET) == []  # queues deliver twice
    assert state(bucket) == whole
    assert (bucket.versions("t"), uploads.reports()) == (2, {})


@pytest.mark.filterwarnings("ignore:tzname .* identified but not understood")  # of a date whose GMT is cut
@pytest.mark.parametrize("how", ["the connection ends", "the length is shorter"])
def test_a_file_whose_bytes_end_early_is_neither_ingested_nor_rejected(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, how: str
) -> None:
    lengths: list[int] = []
    message = uploads.put("uploads/t/x.jsonl", lines(ROWS))
    cut = 0 if LONG else chance("file", how).randrange(STEP)
    while not lengths or cut < lengths[-1]:
        proxied.choose = nth("get", 1, faults.ends_at(cut, how, lengths))
        assert uploads.deliver([message], monotonic() + BUDGET) == [message], cut
        figure("files cut at a byte")
        cut += STEP
    assert (state(bucket), uploads.reports()) == ({}, {})
    assert uploads.deliver([message], monotonic() + BUDGET) == []
    assert state(bucket) == Add(ROWS).on({})


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_file_cut_after_its_head_or_a_line_is_redelivered(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, share: float
) -> None:
    """Where half a file looks like a whole one."""
    data = lines(ROWS)
    message = uploads.put("uploads/t/x.jsonl", data)
    proxied.choose = nth(
        "get", 1, faults.ends_at(data.find(b"\n", int(share * (len(data) - 2))) + 1, "the length is shorter", [])
    )
    left = uploads.deliver([message], monotonic() + BUDGET)
    assert state(bucket) == (Add(ROWS).on({}) if share == 1 else {})
    assert left == ([] if share == 1 else [message])


@pytest.mark.parametrize("fault", ONCE)
def test_a_fault_while_a_report_is_written_leads_to_the_report(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, fault: str
) -> None:
    message = uploads.put("uploads/t/bad.jsonl", BAD)
    proxied.choose = nth("put", 1, ONCE[fault])
    left = uploads.deliver([message], monotonic() + BUDGET)
    figure("single faults of boto3's requests")
    assert uploads.deliver(left, monotonic() + BUDGET) == []
    proxied.settle()
    report = uploads.reports()["rejected/t/bad.jsonl.json"]
    assert [(row["line"], row["id"]) for row in report["rows"]] == [(2, "b")]
    assert (state(bucket), bucket.versions("t")) == ({}, 1)


@pytest.mark.parametrize("fault", ONCE)
@pytest.mark.parametrize("request_", [("get", 2), ("delete", 1)], ids=["read", "remove"])
def test_a_fault_while_a_report_is_removed_leads_to_its_removal(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, request_: tuple[str, int], fault: str
) -> None:
    """Read the file, read the report, remove it."""
    deliver_until_done(uploads, [uploads.put("uploads/t/x.jsonl", BAD)])
    assert uploads.reports().keys() == {"rejected/t/x.jsonl.json"}
    message = uploads.put("uploads/t/x.jsonl", lines(ROWS))
    proxied.choose = nth(*request_, ONCE[fault])
    left = uploads.deliver([message], monotonic() + BUDGET)
    figure("single faults of boto3's requests")
    proxied.settle()
    assert uploads.deliver(left, monotonic() + BUDGET) == []
    assert state(bucket) == Add(ROWS).on({})
    assert (bucket.versions("t"), uploads.reports()) == (2, {})


def test_files_under_seeded_faults_are_ingested_once_or_reported_after_redelivery(
    bucket: Bucket, proxied: Proxy, uploads: Uploads
) -> None:
    drawn = chance("files")
    expected: model.State = {}
    proxied.choose = schedule = Schedule(chance("uploads").getrandbits(64), 0.25, TIMEOUTS)
    refused = []
    for number in range(FILES):
        key = f"uploads/t/file {number % 5}.jsonl"  # a new version of one of some files
        if drawn.random() < 0.2:
            key = f"uploads/t/bad {number}.jsonl"
            refused.append(f"rejected/t/bad {number}.jsonl.json")
            message = uploads.put(key, BAD)
        else:
            some = rows(*drawn.sample([f"id {one}" for one in range(30)], drawn.randint(1, 12)), seed=100 * number)
            message = uploads.put(key, lines(some))
            expected = Add(some).on(expected)
        deliver_until_done(uploads, [message] * drawn.choice([1, 1, 2]))
        proxied.settle()
        assert state(bucket) == expected
        assert sorted(uploads.reports()) == sorted(refused)
        figure("files under seeded faults")
    assert bucket.versions("t") == 1 + FILES - len(refused)
    figure("seeded faults of boto3's requests", schedule.dealt.total())


def deliver_until_done(uploads: Uploads, messages: list[Any]) -> None:
    """Deliver as a queue does that redelivers what failed."""
    for _ in range(60):
        if not messages:
            return
        start = monotonic()
        messages = uploads.deliver(messages, start + DELIVERY)
        most("seconds after the deadline, ingestion", monotonic() - start - DELIVERY)
        assert monotonic() - start < DELIVERY + 2 * SLACK
        figure("deliveries that failed and are repeated", len(messages))
    raise AssertionError("a file that is never done")


def test_batches_of_files_under_seeded_faults_are_ingested_once_or_reported_after_redelivery(
    bucket: Bucket, proxied: Proxy, uploads: Uploads
) -> None:
    """Files of one batch have ids of their own, because a part of a batch that is redelivered is applied later."""
    drawn = chance("batches")
    expected: model.State = {}
    proxied.choose = schedule = Schedule(chance("batches of uploads").getrandbits(64), 0.25, TIMEOUTS)
    refused = []
    for number in range(FILES // 2):
        messages = []
        for place in range(drawn.randint(2, 6)):
            if drawn.random() < 0.2:
                key = f"bad {number} {place}.jsonl"
                refused.append(f"rejected/t/{key}.json")
                messages.append(uploads.put(f"uploads/t/{key}", BAD))
            else:
                names = drawn.sample([f"id {one}" for one in range(10)], drawn.randint(1, 5))
                some = rows(*(f"{name} of {place}" for name in names), seed=100 * number + place)
                messages.append(uploads.put(f"uploads/t/file {number} {place}.jsonl", lines(some)))
                expected = Add(some).on(expected)
        deliver_until_done(uploads, messages * drawn.choice([1, 1, 2]))
        proxied.settle()
        assert state(bucket) == expected
        assert sorted(uploads.reports()) == sorted(refused)
        figure("batches of files under seeded faults")
    figure("seeded faults of boto3's requests", schedule.dealt.total())


SILENCES: dict[str, Fault] = {
    "resets": faults.loses_request,
    "no answer": faults.delays(READ * 2),
    "half answers": faults.cuts_answer(0.5),
}


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("step", ["get", "put"])
def test_ingestion_fails_in_time_when_storage_does_not_answer(
    bucket: Bucket, proxied: Proxy, uploads: Uploads, step: str, silence: str
) -> None:
    """`get` is the file, `put` the report on it."""
    message = uploads.put("uploads/t/bad.jsonl", BAD)
    proxied.choose = lambda exchange: SILENCES[silence] if exchange.operation == step else faults.passes
    start = monotonic()
    left = uploads.deliver([message], start + BUDGET)
    assert monotonic() - start < BUDGET + SLACK
    assert left == [message] or (step == "put" and silence == "half answers")
    proxied.settle()
    assert state(bucket) == {}
