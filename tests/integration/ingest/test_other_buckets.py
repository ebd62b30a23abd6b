"""Only events of the inbox are obeyed: nothing of another bucket is read, and no report is written there."""

import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.inbox import GOOD, Inbox
from tests.support.logs import log_lines

KEY = "uploads/t/x.jsonl"


@pytest.fixture
def other(inbox: Inbox) -> str:
    """A bucket of another owner, with a file for the index `t` that could be ingested."""
    name = f"{inbox.bucket}-other"
    inbox.client.create_bucket(Bucket=name)
    inbox.client.put_object(Bucket=name, Key=KEY, Body=GOOD)
    return name


def event(inbox: Inbox, bucket: dict[str, str], event_name: str = "ObjectCreated:Put", data: bytes = GOOD) -> str:
    """Return a message about KEY, with these fields of the bucket."""
    message = json.loads(inbox.event(KEY, data))
    message["Records"][0] |= {"eventName": event_name}
    message["Records"][0]["s3"]["bucket"] = bucket
    return json.dumps(message)


def keys(inbox: Inbox, bucket: str) -> list[str]:
    return [one["Key"] for one in inbox.client.list_objects_v2(Bucket=bucket).get("Contents", ())]


def count(api: Api) -> int:
    found: int = api.send("GET", "/indexes/t").json["count"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("data", [GOOD, b"", b"no JSON"], ids=["good", "empty", "bad"])
def test_a_file_of_another_bucket_is_neither_ingested_nor_reported(
    api: Api, inbox: Inbox, other: str, data: bytes
) -> None:
    inbox.put("uploads/t/mine.jsonl", b'{"id": "mine", "vector": [1, 1]}')
    mine = inbox.event("uploads/t/mine.jsonl", b'{"id": "mine", "vector": [1, 1]}')
    inbox.client.put_object(Bucket=other, Key=KEY, Body=data)
    assert inbox.deliver(event(inbox, {"name": other}, data=data), mine) == ["m0"]
    assert (count(api), inbox.reports(), keys(inbox, other)) == (1, [], [KEY])


@pytest.mark.slow
@pytest.mark.parametrize("event_name", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("{other}", "arn:aws:s3:::{other}"),
        ("{other}", "arn:aws:s3:::{inbox}"),
        ("{inbox}", "arn:aws:s3:::{other}"),
        ("{inbox}", "arn:aws:s3:::{inbox}/uploads"),
        ("{inbox}", "{inbox}"),
        ("{INBOX}", ""),
        ("{inbox} ", ""),
        (" {inbox}", ""),
        ("{inbox}/", ""),
        ("arn:aws:s3:::{inbox}", ""),
        ("", ""),
    ],
)
def test_a_bucket_that_is_not_exactly_the_inbox_is_refused(
    api: Api, inbox: Inbox, other: str, *, name: str, arn: str, event_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is in the inbox too, so that a check that is too weak would ingest it."""
    inbox.put(KEY, GOOD)
    names = {"inbox": inbox.bucket, "INBOX": inbox.bucket.upper(), "other": other}
    bucket = {"name": name.format(**names), "arn": arn.format(**names)}
    capsys.readouterr()
    assert inbox.deliver(event(inbox, bucket, event_name)) == ["m0"]
    [line] = log_lines(capsys)
    assert (line["level"], line["error"]) == ("error", "WrongBucket")
    assert inbox.bucket not in json.dumps(line)
    assert (count(api), inbox.reports()) == (0, [])


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_arn_of_the_inbox_may_be_of_any_partition(api: Api, inbox: Inbox, partition: str) -> None:
    inbox.put(KEY, GOOD)
    assert inbox.deliver(event(inbox, {"name": inbox.bucket, "arn": f"arn:{partition}:s3:::{inbox.bucket}"})) == []
    assert count(api) == 2


def test_a_file_of_the_inbox_is_ingested_although_its_message_names_another_bucket_too(
    api: Api, inbox: Inbox, other: str
) -> None:
    inbox.put(KEY, GOOD)
    first, second = (json.loads(event(inbox, {"name": name}))["Records"] for name in (other, inbox.bucket))
    assert inbox.deliver(json.dumps({"Records": first + second})) == ["m0"]
    assert count(api) == 2


def wrapped(message: str) -> dict[str, Any]:
    """Return envelopes of other services around an S3 event."""
    return {
        "SNS": {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": message},
        "EventBridge": {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": KEY}}},
        "detail": {"detail": json.loads(message)},
        "text": {"Records": message},
    }


@pytest.mark.parametrize("envelope", wrapped("{}"))
def test_an_event_in_an_envelope_of_another_service_is_not_an_s3_event(api: Api, inbox: Inbox, envelope: str) -> None:
    inbox.put(KEY, GOOD)
    assert inbox.deliver(json.dumps(wrapped(inbox.event(KEY, GOOD))[envelope])) == ["m0"]
    assert (count(api), inbox.reports()) == (0, [])
