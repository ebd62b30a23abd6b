"""The ingest function: it ingests the files of each SQS message and reports the messages that SQS must redeliver."""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.support.logs import log_lines
from tests.support.services import FOREVER, Clock, a_service, new_section_cache
from vectord.edge.events import sqs
from vectord.errors import StoreUnavailable
from vectord.service.ingest import Ingestion
from vectord.service.lifecycle import NewIndex
from vectord.service.values.environment import RetryPolicy
from vectord.storage.inbox import UploadedFile
from vectord.storage.memory import MemoryStore

CONTEXT = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: 60_000)
ROW = b'{"id": "a", "vector": [1, 0]}'
UNREADABLE = "this is not an S3 event"


class Files:
    """An inbox in memory. A file that is an exception is raised when it is fetched."""

    def __init__(self, files: dict[str, bytes | Exception]) -> None:
        self.files = files
        self.reports: list[str] = []

    def fetch(self, upload: UploadedFile) -> bytes:
        file = self.files[upload.key]
        if isinstance(file, Exception):
            raise file
        return file

    def report(self, upload: UploadedFile, key: str, body: bytes) -> None:
        self.reports.append(key)

    def link(self, key: str, seconds: int) -> str:
        raise NotImplementedError


def message(*keys: str) -> str:
    """Return the body of a message with an S3 event for each key."""
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "inbox"}, "object": {"key": k}}} for k in keys]})


def deliver(files: dict[str, bytes | Exception], *bodies: str) -> list[str]:
    """Invoke the function with messages m0, m1, …; return the ids of those that it reports as failed."""
    store = MemoryStore()
    a_service(store).create(NewIndex("t", 2), FOREVER)
    environment = Clock().environment()
    ingestion = Ingestion(
        Files(files),
        store,
        new_section_cache(),
        max_file_bytes=1 << 20,
        environment=environment,
        retry_policy=RetryPolicy(),
    )
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
    answer = sqs.handler(lambda: ingestion)({"Records": records}, CONTEXT)
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_batch_without_failures_reports_none() -> None:
    assert deliver({"uploads/t/x.jsonl": ROW}, message("uploads/t/x.jsonl")) == []


@pytest.mark.parametrize("body", [UNREADABLE, "{}", "[]", '{"Event": "another"}'])
def test_a_message_that_is_not_an_s3_event_is_reported_alone(body: str) -> None:
    assert deliver({"uploads/t/x.jsonl": ROW}, body, message("uploads/t/x.jsonl")) == ["m0"]


def test_a_message_whose_file_storage_did_not_return_is_reported_alone() -> None:
    files = {"uploads/t/x.jsonl": StoreUnavailable("timeout"), "uploads/t/y.jsonl": ROW}
    assert deliver(files, message("uploads/t/x.jsonl"), message("uploads/t/y.jsonl")) == ["m0"]


def test_a_message_is_reported_once_if_any_of_its_files_fails() -> None:
    files = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": StoreUnavailable("timeout")}
    assert deliver(files, message("uploads/t/x.jsonl", "uploads/t/y.jsonl")) == ["m0"]


def test_a_batch_in_which_every_message_fails_is_reported_and_not_raised() -> None:
    assert deliver({}, UNREADABLE, UNREADABLE) == ["m0", "m1"]


def test_a_file_that_can_never_be_ingested_is_not_reported_as_a_failure() -> None:
    assert deliver({"uploads/t/x.jsonl": b"not JSON"}, message("uploads/t/x.jsonl")) == []


def test_the_test_event_of_s3_is_ignored() -> None:
    assert deliver({}, json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"})) == []


def test_an_unexpected_exception_fails_the_whole_invocation() -> None:
    with pytest.raises(ZeroDivisionError):
        deliver({"uploads/t/x.jsonl": ZeroDivisionError()}, message("uploads/t/x.jsonl"))


def test_keys_are_decoded_from_the_encoding_of_s3_events() -> None:
    key = "uploads/t/two words+ü.jsonl"
    [upload] = sqs.uploads_in(message(quote_plus(key)))
    assert upload.key == key


class TestLog:
    @pytest.fixture
    def lines(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """The lines of a message with two good files, and of one that cannot be read."""
        files: dict[str, bytes | Exception] = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": ROW}
        deliver(files, message(*files), UNREADABLE)
        return log_lines(capsys)

    def test_has_a_line_for_each_file_and_each_failure(self, lines: list[dict[str, Any]]) -> None:
        assert [(line["level"], line.get("outcome")) for line in lines] == [
            ("info", "committed"),
            ("info", "committed"),
            ("error", None),
        ]

    def test_names_the_message_of_each_line(self, lines: list[dict[str, Any]]) -> None:
        assert [line["correlation_id"] for line in lines] == ["m0", "m0", "m1"]

    def test_names_the_type_of_an_error(self, lines: list[dict[str, Any]]) -> None:
        assert (lines[-1]["error"], lines[-1]["message"]) == ("DecodeError", "m1")

    def test_has_no_key_of_the_inbox(self, lines: list[dict[str, Any]]) -> None:
        assert "jsonl" not in json.dumps(lines)
