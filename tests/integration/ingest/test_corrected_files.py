"""A corrected file removes the report on its earlier version; a redelivered event changes neither."""

import json

import pytest

from tests.support.api import Api
from tests.support.inbox import GOOD, Inbox
from vectord.storage.s3.inbox import S3Inbox

BAD = b'{"id": "a", "vector": [1]}\n'
REPORT = "rejected/x/f.jsonl.json"


@pytest.fixture(params=[1, 3])
def corrected(request: pytest.FixtureRequest, environment: None, on_s3_in_one_process: Api) -> Api:
    """An API with the index `x`, single or sharded."""
    on_s3_in_one_process.create("x", shards=request.param)
    return on_s3_in_one_process


def test_a_corrected_file_removes_the_report(corrected: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", BAD, "01")
    inbox.upload("uploads/x/other.jsonl", BAD, "02")
    assert inbox.reports() == [REPORT, "rejected/x/other.jsonl.json"]
    inbox.upload("uploads/x/f.jsonl", GOOD, "03")
    assert inbox.reports() == ["rejected/x/other.jsonl.json"]


def test_the_same_file_removes_its_report_once_its_index_exists(corrected: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/later/f.jsonl", GOOD, "01")
    corrected.create("later")
    inbox.upload("uploads/later/f.jsonl", GOOD, "02")
    assert inbox.reports() == []


def test_a_report_on_a_very_long_key_is_removed_too(corrected: Api, inbox: Inbox) -> None:
    key = f"uploads/x/{'x' * 1_008}"[:1_018] + ".jsonl"
    inbox.upload(key, BAD, "01")
    inbox.upload(key, GOOD, "02")
    assert inbox.reports() == []


def test_a_report_stays_until_the_file_is_committed(corrected: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", BAD, "01")
    inbox.upload("uploads/x/f.jsonl", b'{"id": "b", "vector": [2]}\n', "02")
    assert (inbox.report(REPORT)["sequencer"], inbox.report(REPORT)["rows"][0]["id"]) == ("02", "b")


@pytest.mark.parametrize("size", [len(BAD), 50 << 20])
def test_a_redelivered_event_of_a_corrected_file_does_not_restore_its_report(
    corrected: Api, inbox: Inbox, size: int
) -> None:
    event = json.loads(inbox.event("uploads/x/f.jsonl", BAD, "01"))
    event["Records"][0]["s3"]["object"]["size"] = size
    inbox.put("uploads/x/f.jsonl", BAD)
    inbox.deliver(json.dumps(event))
    inbox.upload("uploads/x/f.jsonl", GOOD, "02")
    assert inbox.deliver(json.dumps(event)) == []
    assert inbox.reports() == []


@pytest.mark.slow
def test_a_redelivered_event_of_a_committed_file_keeps_the_report_on_a_newer_one(corrected: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", GOOD, "01")
    inbox.upload("uploads/x/f.jsonl", BAD, "02")
    assert inbox.deliver(inbox.event("uploads/x/f.jsonl", GOOD, "01")) == []
    assert inbox.report(REPORT)["sequencer"] == "02"


@pytest.mark.slow
def test_a_redelivery_removes_the_report_that_the_first_delivery_left(corrected: Api, inbox: Inbox) -> None:
    """The function may end between the commit and the removal."""
    inbox.upload("uploads/x/f.jsonl", BAD, "01")
    report = json.dumps(inbox.report(REPORT)).encode()
    inbox.upload("uploads/x/f.jsonl", GOOD, "02")
    inbox.put(REPORT, report)
    assert inbox.deliver(inbox.event("uploads/x/f.jsonl", GOOD, "02")) == []
    assert inbox.reports() == []


@pytest.mark.slow
def test_an_object_that_is_not_a_report_on_the_file_is_kept(corrected: Api, inbox: Inbox) -> None:
    others = {"notes": b"notes", "array": b"[]", "another": b'{"file": "uploads/x/f.jsonl"}'}
    for name, other in others.items():
        inbox.put(f"rejected/x/{name}.jsonl.json", other)
        inbox.upload(f"uploads/x/{name}.jsonl", GOOD)
    assert inbox.reports() == [f"rejected/x/{name}.jsonl.json" for name in sorted(others)]


def test_a_report_that_was_written_again_since_it_was_read_is_kept(inbox: Inbox) -> None:
    reports = S3Inbox(inbox.bucket, lambda: inbox.client)
    reports.write_report(REPORT, b"old")
    found = reports.read_report(REPORT)
    reports.write_report(REPORT, b"new")
    assert found is not None
    reports.remove_report(REPORT, found.etag)
    again = reports.read_report(REPORT)
    assert again is not None
    assert again.data == b"new"
