"""A file that another version replaces before it is ingested gets a report of its own, whatever the order of events."""

import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.inbox import Inbox
from tests.support.logs import log_lines

KEY = "uploads/x/f.jsonl"
REFUSAL = "rejected/x/f.jsonl.json"
FIRST, SECOND, THIRD = (json.dumps({"id": name, "vector": [1, 1]}).encode() for name in ("first", "second", "third"))
BAD, WORSE = b'{"id": "a", "vector": [1]}', b"no JSON"


@pytest.fixture(params=[1, 3], ids=["one object", "shards"])
def x(request: pytest.FixtureRequest, environment: None, on_s3_in_one_process: Api) -> Api:
    """An API with the index `x`, single or sharded."""
    on_s3_in_one_process.create("x", 2, shards=request.param)
    return on_s3_in_one_process


def put_all(inbox: Inbox, *versions: bytes, key: str = KEY) -> list[str]:
    """Put versions of one file; return the message of each, with the sequencers 01, 02, …"""
    for version in versions:
        inbox.put(key, version)
    return [inbox.event(key, version, f"{number:02}") for number, version in enumerate(versions, start=1)]


def ids(api: Api) -> list[str]:
    return sorted(match["id"] for match in api.search([1, 0], name="x").json["matches"])


def superseded(inbox: Inbox) -> list[tuple[str, str]]:
    """Return the sequencer of each superseded version, and the ETag of the version that replaced it."""
    reports: list[dict[str, Any]] = [inbox.report(key) for key in inbox.reports()]
    return sorted((one["sequencer"], one["superseded_by"]) for one in reports if "superseded_by" in one)


def etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "newer first"])
def test_a_replaced_file_is_reported_and_the_newer_one_is_ingested(
    x: Api, inbox: Inbox, order: tuple[int, int]
) -> None:
    messages = put_all(inbox, FIRST, SECOND)
    for number in order:
        assert inbox.deliver(messages[number]) == []
    assert ids(x) == ["second"]
    assert superseded(inbox) == [("01", etag(SECOND))]


@pytest.mark.slow
def test_the_report_names_both_versions_and_the_log_has_the_outcome(
    x: Api, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = put_all(inbox, FIRST, SECOND)
    capsys.readouterr()
    assert inbox.deliver(*messages) == []
    lines = log_lines(capsys)
    assert [(line["outcome"], line["rows"], line["level"]) for line in lines] == [
        ("superseded", 0, "info"),
        ("committed", 1, "info"),
    ]
    [key] = inbox.reports()
    report = inbox.report(key)
    assert key.startswith("rejected/x/f.jsonl.superseded-")
    assert (report["file"], report["etag"], report["sequencer"]) == (KEY, etag(FIRST), "01")
    assert "replaced it before it was ingested; none of its rows were added" in report["reason"]
    assert datetime.fromisoformat(report["superseded_at"]).tzinfo is not None


@pytest.mark.slow
def test_every_superseded_version_has_a_report(x: Api, inbox: Inbox) -> None:
    messages = put_all(inbox, FIRST, SECOND, THIRD)
    assert inbox.deliver(*messages[1:], messages[0]) == []
    assert ids(x) == ["third"]
    assert superseded(inbox) == [("01", etag(THIRD)), ("02", etag(THIRD))]


@pytest.mark.slow
def test_a_redelivery_of_a_superseded_file_writes_no_further_report(x: Api, inbox: Inbox) -> None:
    first, second = put_all(inbox, FIRST, SECOND)
    assert inbox.deliver(first, first, second, first) == []
    assert superseded(inbox) == [("01", etag(SECOND))]


@pytest.mark.slow
def test_a_redelivery_of_a_file_that_was_ingested_is_not_a_supersession(
    x: Api, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = []
    for number, data in enumerate((FIRST, SECOND, THIRD), start=1):
        inbox.upload(KEY, data, f"{number:02}")
        messages.append(inbox.event(KEY, data, f"{number:02}"))
    capsys.readouterr()
    assert inbox.deliver(*messages) == []
    assert [line["outcome"] for line in log_lines(capsys)] == ["stale"] * 3
    assert inbox.reports() == []


def test_a_redelivery_of_a_file_that_was_refused_is_not_a_supersession(x: Api, inbox: Inbox) -> None:
    inbox.upload(KEY, BAD, "01")
    inbox.put(KEY, SECOND)
    assert inbox.deliver(inbox.event(KEY, BAD, "01")) == []
    assert inbox.reports() == [REFUSAL]


@pytest.mark.slow
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "newer first"])
def test_a_superseded_file_does_not_take_the_place_of_the_refusal_of_the_newer_one(
    x: Api, inbox: Inbox, order: tuple[int, int]
) -> None:
    messages = put_all(inbox, BAD, WORSE)
    for number in order:
        assert inbox.deliver(messages[number]) == []
    assert superseded(inbox) == [("01", etag(WORSE))]
    assert inbox.report(REFUSAL)["sequencer"] == "02"


def test_the_same_bytes_put_again_are_not_a_supersession(x: Api, inbox: Inbox) -> None:
    first, second = put_all(inbox, FIRST, FIRST)
    assert inbox.deliver(second, first) == []
    assert (ids(x), inbox.reports()) == (["first"], [])


@pytest.mark.slow
def test_a_file_that_was_deleted_is_not_superseded(x: Api, inbox: Inbox) -> None:
    first, _ = put_all(inbox, FIRST, SECOND)
    inbox.client.delete_object(Bucket=inbox.bucket, Key=KEY)
    assert inbox.deliver(first) == []
    assert inbox.reports() == []


def test_a_superseded_file_for_a_missing_index_is_reported(x: Api, inbox: Inbox) -> None:
    first, _ = put_all(inbox, FIRST, SECOND, key="uploads/absent/f.jsonl")
    assert inbox.deliver(first) == []
    assert superseded(inbox) == [("01", etag(SECOND))]


def test_a_report_on_a_superseded_file_with_a_very_long_key_is_named_by_a_hash(x: Api, inbox: Inbox) -> None:
    key = f"uploads/x/{'x' * 980}.jsonl"
    messages = put_all(inbox, FIRST, SECOND, key=key)
    assert inbox.deliver(*messages) == []
    [report] = inbox.reports()
    assert len(report) < 100
    assert inbox.report(report)["file"] == key
