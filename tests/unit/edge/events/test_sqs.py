"""The ingest function: it ingests the files of each SQS message and reports the messages that SQS must redeliver."""

import hashlib
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.support.logs import log_lines
from tests.support.services import FOREVER, Clock, a_service, new_section_cache
from vectord.edge.events import sqs
from vectord.errors import StoreRefused, StoreUnavailable
from vectord.service.ingest import Ingestion
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.inbox import Replacement, SignedPut, StoredReport, UploadedFile
from vectord.storage.memory import MemoryStore

CONTEXT = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: 60_000)
ROW = b'{"id": "a", "vector": [1, 0]}'
UNREADABLE = "this is not an S3 event"


class Files:
    """An inbox in memory. A file that is an exception is raised when it is fetched."""

    def __init__(self, files: dict[str, bytes | BaseException]) -> None:
        self.files = files
        self.reports: list[str] = []

    bucket = "inbox"

    def fetch(self, upload: UploadedFile) -> bytes:
        file = self.files[upload.key]
        if isinstance(file, BaseException):
            raise file
        return file

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        return None

    def write_report(self, key: str, body: bytes) -> None:
        self.reports.append(key)

    def read_report(self, key: str) -> StoredReport | None:
        return None

    def remove_report(self, key: str, etag: str) -> None:
        raise NotImplementedError

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        raise NotImplementedError


def message(*keys: str) -> str:
    """Return the body of a message with an S3 event for each key."""
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "inbox"}, "object": {"key": k}}} for k in keys]})


def deliver(
    files: dict[str, bytes | BaseException],
    *bodies: str,
    store: MemoryStore | None = None,
    context: object = CONTEXT,
) -> list[str]:
    """Invoke the function with messages m0, m1, …; return the ids of those that it reports as failed."""
    store = store or MemoryStore()
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
    answer = sqs.handler(lambda: ingestion)({"Records": records}, context)
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


class Panic(BaseException):
    """As a library in Rust raises it: not an Exception."""


DEFECTS = [ZeroDivisionError(), TypeError(), MemoryError(), RecursionError(), OSError(), Panic(), GeneratorExit()]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_whatever_a_message_raises_the_others_are_committed(defect: BaseException, place: int) -> None:
    store = MemoryStore()
    keys = [f"uploads/t/{number}.jsonl" for number in range(3)]
    files: dict[str, bytes | BaseException] = {
        key: b'{"id": "%d", "vector": [1, 0]}' % number for number, key in enumerate(keys)
    }
    files[keys[place]] = defect
    assert deliver(files, *map(message, keys), store=store) == [f"m{place}"]
    assert a_service(store).get("t", ["0", "1", "2"], FOREVER).missing == [str(place)]


def test_a_file_that_raises_does_not_keep_back_the_other_files_of_its_message() -> None:
    store = MemoryStore()
    files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": ZeroDivisionError(), "uploads/t/y.jsonl": ROW}
    assert deliver(files, message(*files), store=store) == ["m0"]
    assert a_service(store).get("t", ["a"], FOREVER).missing == []


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_is_not_a_failed_message(end: type[BaseException]) -> None:
    with pytest.raises(end):
        deliver({"uploads/t/x.jsonl": end()}, message("uploads/t/x.jsonl"))


def test_a_batch_in_which_every_message_has_a_defect_is_reported_and_not_raised() -> None:
    files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": TypeError(), "uploads/t/y.jsonl": MemoryError()}
    assert deliver(files, *map(message, files)) == ["m0", "m1"]


def test_messages_for_which_little_time_is_left_are_postponed() -> None:
    """Lambda would stop the function, and SQS would deliver the whole batch again."""
    store = MemoryStore()
    left = iter([120_000, 40_000, 29_000])
    context = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: next(left))
    files: dict[str, bytes | BaseException] = {f"uploads/t/{name}.jsonl": ROW for name in "abc"}
    assert deliver(files, *map(message, files), store=store, context=context) == ["m2"]


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectTagging:Put", "ObjectRestore:Post"])
def test_an_event_that_announces_no_new_file_is_ignored(name: str) -> None:
    event = json.loads(message("uploads/t/x.jsonl"))
    event["Records"][0]["eventName"] = name
    assert deliver({"uploads/t/x.jsonl": ZeroDivisionError()}, json.dumps(event)) == []


@pytest.mark.parametrize("key", ["uploads/t/caf%E9.jsonl", "uploads/t/%FF%FE.jsonl", "uploads/t/%ED%A0%80.jsonl"])
def test_a_key_that_is_not_utf_8_fails_and_is_not_taken_for_another_one(key: str) -> None:
    files: dict[str, bytes | BaseException] = {"uploads/t/caf\ufffd.jsonl": ROW, "uploads/t/y.jsonl": ROW}
    assert deliver(files, message(key), message("uploads/t/y.jsonl")) == ["m0"]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"s3": None},
        {"s3": {"bucket": {"name": "inbox"}}},
        {"s3": {"object": {"key": "uploads/t/x.jsonl"}}},
        {"s3": {"bucket": {"name": "inbox"}, "object": {"key": 7}}},
        {"s3": {"bucket": {"name": "inbox"}, "object": {"key": "uploads/t/x.jsonl", "size": "big"}}},
    ],
)
def test_a_message_with_missing_or_wrong_fields_is_reported_alone(record: object) -> None:
    body = json.dumps({"Records": [record]})
    assert deliver({"uploads/t/y.jsonl": ROW}, body, message("uploads/t/y.jsonl")) == ["m0"]


def test_keys_are_decoded_from_the_encoding_of_s3_events() -> None:
    key, store = "uploads/t/two words+ü.jsonl", MemoryStore()
    assert deliver({key: ROW}, message(quote_plus(key)), store=store) == []
    assert a_service(store).get("t", ["a"], FOREVER).missing == []


class TestLog:
    @pytest.fixture
    def lines(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """The lines of a message with two good files, and of one that cannot be read."""
        files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": ROW}
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

    def test_names_the_index_and_the_key_of_each_file(self, lines: list[dict[str, Any]]) -> None:
        assert [(line.get("index"), line.get("key")) for line in lines] == [
            ("t", "uploads/t/x.jsonl"),
            ("t", "uploads/t/y.jsonl"),
            (None, None),
        ]

    @pytest.mark.parametrize("error", [StoreUnavailable("timeout"), TypeError()], ids=["storage", "defect"])
    def test_names_the_index_and_the_key_of_a_file_that_failed(
        self, error: Exception, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver({"uploads/t/x.jsonl": error}, message("uploads/t/x.jsonl"))
        [line] = log_lines(capsys)
        assert (line["index"], line["key"]) == ("t", "uploads/t/x.jsonl")

    def test_names_each_file_of_a_message_that_is_postponed(self, capsys: pytest.CaptureFixture[str]) -> None:
        left = iter([120_000, 10_000, 10_000])
        context = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: next(left))
        bodies = message("uploads/t/x.jsonl"), message("uploads/t/y.jsonl", "other/z.jsonl"), UNREADABLE
        assert deliver({"uploads/t/x.jsonl": ROW}, *bodies, context=context) == ["m1", "m2"]
        _, *postponed = log_lines(capsys)
        assert {line["outcome"] for line in postponed} == {"postponed"}
        assert [(line.get("index"), line.get("key")) for line in postponed] == [
            ("t", "uploads/t/y.jsonl"),
            ("", "other/z.jsonl"),
            (None, None),
        ]

    def test_says_who_uploaded_the_file_and_what_became_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": StoreUnavailable("-")}
        record = json.loads(message(*files))
        for one in record["Records"]:
            one["userIdentity"] = {"principalId": "AWS:AROAEXAMPLE:session"}
        deliver(files, json.dumps(record))
        committed, failed = log_lines(capsys)
        assert {(line["principal"], line["operation"]) for line in (committed, failed)} == {
            ("AWS:AROAEXAMPLE:session", "ingest-file")
        }
        assert (committed["index"], committed["rows"], committed["outcome"]) == ("t", 1, "committed")
        assert None not in {committed["etag_before"], committed["etag_after"]}
        assert committed["etag_before"] != committed["etag_after"]
        assert (failed["rows"], failed["outcome"]) == (None, "failed")
        assert (failed["etag_before"], failed["etag_after"]) == (None, None)
        assert committed["file"] == hashlib.sha256(b"uploads/t/x.jsonl").hexdigest()[:16] != failed["file"]

    def test_has_the_traceback_of_a_failure_without_its_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": ValueError("a secret")}
        deliver(files, message("uploads/t/x.jsonl"))
        [line] = log_lines(capsys)
        assert (line["error"], line["traceback"][0]) == ("ValueError", "ValueError")
        assert line["traceback"][-1].endswith(" fetch")
        assert "secret" not in json.dumps(line)

    def test_has_no_traceback_of_an_expected_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        deliver({"uploads/t/x.jsonl": StoreUnavailable("timeout")}, message("uploads/t/x.jsonl"))
        [line] = log_lines(capsys)
        assert (line["error"], "traceback" in line) == ("StoreUnavailable", False)

    @pytest.mark.parametrize(
        ("file", "failures"),
        [
            (ROW, None),
            (b"not a row", None),  # a report says so
            (StoreUnavailable("timeout"), 1),
            (TypeError(), 1),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_counts_a_file_that_fails_as_a_failure_and_a_refused_one_not(
        self, file: bytes | BaseException, failures: int | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver({"uploads/t/x.jsonl": file}, message("uploads/t/x.jsonl"))
        assert log_lines(capsys)[-1].get("Failures") == failures

    def test_counts_a_report_that_cannot_be_written_as_a_failure(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def refuse(*_: object) -> None:
            raise StoreRefused("AccessDenied")

        monkeypatch.setattr(Files, "write_report", refuse)
        assert deliver({"uploads/t/x.jsonl": b"not a row"}, message("uploads/t/x.jsonl")) == ["m0"]
        assert log_lines(capsys)[-1]["Failures"] == 1

    def test_counts_what_a_failed_message_did_in_its_own_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        files: dict[str, bytes | BaseException] = {"uploads/t/x.jsonl": TypeError(), "uploads/t/y.jsonl": ROW}
        deliver(files, *map(message, files))
        failed, committed = log_lines(capsys)
        assert (failed["ReadRequests"], committed["ReadRequests"]) == (1, 2)
        assert "Latency" in failed

    def test_counts_nothing_of_an_invocation_that_ended_in_the_middle_of_a_file(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store, environment = MemoryStore(), Clock().environment()
        a_service(store).create(NewIndex("t", 2), FOREVER)
        files = Files({"uploads/t/x.jsonl": KeyboardInterrupt(), "uploads/t/y.jsonl": ROW})
        ingestion = Ingestion(
            files,
            store,
            new_section_cache(),
            max_file_bytes=1 << 20,
            environment=environment,
            retry_policy=RetryPolicy(),
        )
        function = sqs.handler(lambda: ingestion)
        with pytest.raises(KeyboardInterrupt):
            function({"Records": [{"messageId": "m0", "body": message("uploads/t/x.jsonl")}]}, CONTEXT)
        function({"Records": [{"messageId": "m1", "body": message("uploads/t/y.jsonl")}]}, CONTEXT)
        assert log_lines(capsys)[-1]["ReadRequests"] == 2
