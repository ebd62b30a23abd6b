"""The ingest function: it ingests the files of each SQS message and reports the messages that SQS must redeliver."""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.support.logs import log_lines
from tests.support.memory_inbox import SECONDS, File, MemoryInbox, deliver_to, ingestion_of, message, row
from tests.support.services import FOREVER, Clock, a_service
from vectord.errors import StoreRefused, StoreUnavailable
from vectord.service.values.options import NewIndex
from vectord.storage.memory import MemoryStore

ROW = row("a")
UNREADABLE = "this is not an S3 event"


def deliver(
    files: dict[str, File],
    *bodies: str,
    store: MemoryStore | None = None,
    clock: Clock | None = None,
) -> list[str]:
    """Invoke the function with messages m0, m1, …; return the ids of those that it reports as failed."""
    store = store or MemoryStore()
    a_service(store).create(NewIndex("t", 2), FOREVER)
    return deliver_to(ingestion_of(MemoryInbox(files), store, clock), *bodies)


def takes(clock: Clock, share: float, data: bytes = ROW) -> Callable[[], bytes]:
    """Return a file whose reading takes a share of the time of the invocation."""

    def fetched() -> bytes:
        clock.now += share * SECONDS
        return data

    return fetched


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
    files: dict[str, File] = {key: b'{"id": "%d", "vector": [1, 0]}' % number for number, key in enumerate(keys)}
    files[keys[place]] = defect
    assert deliver(files, *map(message, keys), store=store) == [f"m{place}"]
    assert a_service(store).get("t", ["0", "1", "2"], FOREVER).missing == [str(place)]


def test_a_file_that_raises_does_not_keep_back_the_other_files_of_its_message() -> None:
    store = MemoryStore()
    files: dict[str, File] = {"uploads/t/x.jsonl": ZeroDivisionError(), "uploads/t/y.jsonl": ROW}
    assert deliver(files, message(*files), store=store) == ["m0"]
    assert a_service(store).get("t", ["a"], FOREVER).missing == []


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_is_not_a_failed_message(end: type[BaseException]) -> None:
    with pytest.raises(end):
        deliver({"uploads/t/x.jsonl": end()}, message("uploads/t/x.jsonl"))


def test_a_batch_in_which_every_message_has_a_defect_is_reported_and_not_raised() -> None:
    files: dict[str, File] = {"uploads/t/x.jsonl": TypeError(), "uploads/t/y.jsonl": MemoryError()}
    assert deliver(files, *map(message, files)) == ["m0", "m1"]


def test_messages_for_which_little_time_is_left_are_postponed() -> None:
    """Lambda would stop the function, and SQS would deliver the whole batch again."""
    store, clock = MemoryStore(), Clock()
    files: dict[str, File] = {
        "uploads/t/a.jsonl": takes(clock, 0.5, row("a")),
        "uploads/t/b.jsonl": takes(clock, 0.2, row("b")),
        "uploads/t/c.jsonl": row("c"),
        "uploads/u/d.jsonl": row("d"),
    }
    assert deliver(files, *map(message, files), store=store, clock=clock) == ["m2", "m3"]
    assert a_service(store).get("t", ["a", "b", "c"], FOREVER).missing == ["c"]


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectTagging:Put", "ObjectRestore:Post"])
def test_an_event_that_announces_no_new_file_is_ignored(name: str) -> None:
    event = json.loads(message("uploads/t/x.jsonl"))
    event["Records"][0]["eventName"] = name
    assert deliver({"uploads/t/x.jsonl": ZeroDivisionError()}, json.dumps(event)) == []


@pytest.mark.parametrize("key", ["uploads/t/caf%E9.jsonl", "uploads/t/%FF%FE.jsonl", "uploads/t/%ED%A0%80.jsonl"])
def test_a_key_that_is_not_utf_8_fails_and_is_not_taken_for_another_one(key: str) -> None:
    files: dict[str, File] = {"uploads/t/caf\ufffd.jsonl": ROW, "uploads/t/y.jsonl": ROW}
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
        files: dict[str, File] = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": ROW}
        deliver(files, message(*files), UNREADABLE)
        return log_lines(capsys)

    def test_has_a_line_for_each_file_and_each_failure(self, lines: list[dict[str, Any]]) -> None:
        assert [(line["level"], line.get("outcome")) for line in lines] == [
            ("error", None),
            ("info", "committed"),
            ("info", "committed"),
        ]

    def test_names_the_message_of_each_line(self, lines: list[dict[str, Any]]) -> None:
        assert [line["correlation_id"] for line in lines] == ["m1", "m0", "m0"]

    def test_names_the_type_of_an_error(self, lines: list[dict[str, Any]]) -> None:
        assert (lines[0]["error"], lines[0]["message"]) == ("DecodeError", "m1")

    def test_names_the_index_and_the_key_of_each_file(self, lines: list[dict[str, Any]]) -> None:
        assert [(line.get("index"), line.get("key")) for line in lines] == [
            (None, None),
            ("t", "uploads/t/x.jsonl"),
            ("t", "uploads/t/y.jsonl"),
        ]

    @pytest.mark.parametrize("error", [StoreUnavailable("timeout"), TypeError()], ids=["storage", "defect"])
    def test_names_the_index_and_the_key_of_a_file_that_failed(
        self, error: Exception, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver({"uploads/t/x.jsonl": error}, message("uploads/t/x.jsonl"))
        [line] = log_lines(capsys)
        assert (line["index"], line["key"]) == ("t", "uploads/t/x.jsonl")

    def test_names_each_file_of_a_message_that_is_postponed(self, capsys: pytest.CaptureFixture[str]) -> None:
        clock = Clock()
        files: dict[str, File] = {"uploads/t/x.jsonl": takes(clock, 0.7)}
        bodies = message("uploads/t/x.jsonl"), message("uploads/t/y.jsonl", "other/z.jsonl")
        assert deliver(files, *bodies, clock=clock) == ["m1"]
        postponed = [line for line in log_lines(capsys) if line["outcome"] == "postponed"]
        assert [(line["index"], line["key"], line["correlation_id"]) for line in postponed] == [
            ("t", "uploads/t/y.jsonl", "m1"),
            ("", "other/z.jsonl", "m1"),
        ]

    def test_says_who_uploaded_the_file_and_what_became_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        files: dict[str, File] = {"uploads/t/x.jsonl": ROW, "uploads/t/y.jsonl": StoreUnavailable("-")}
        record = json.loads(message(*files))
        for one in record["Records"]:
            one["userIdentity"] = {"principalId": "AWS:AROAEXAMPLE:session"}
        deliver(files, json.dumps(record))
        failed, committed = log_lines(capsys)
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
        files: dict[str, File] = {"uploads/t/x.jsonl": ValueError("a secret")}
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

        monkeypatch.setattr(MemoryInbox, "write_report", refuse)
        assert deliver({"uploads/t/x.jsonl": b"not a row"}, message("uploads/t/x.jsonl")) == ["m0"]
        assert log_lines(capsys)[-1]["Failures"] == 1

    def test_counts_what_a_failed_message_did_in_its_own_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        files: dict[str, File] = {"uploads/t/x.jsonl": TypeError(), "uploads/t/y.jsonl": ROW}
        deliver(files, *map(message, files))
        failed, committed = log_lines(capsys)
        assert (failed["ReadRequests"], committed["ReadRequests"]) == (1, 2)
        assert "Latency" in failed

    def test_counts_nothing_of_an_invocation_that_ended_in_the_middle_of_a_file(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store = MemoryStore()
        a_service(store).create(NewIndex("t", 2), FOREVER)
        inbox = MemoryInbox({"uploads/t/x.jsonl": KeyboardInterrupt(), "uploads/t/y.jsonl": ROW})
        ingestion = ingestion_of(inbox, store)
        with pytest.raises(KeyboardInterrupt):
            deliver_to(ingestion, message("uploads/t/x.jsonl"))
        deliver_to(ingestion, message("uploads/t/y.jsonl"))
        assert log_lines(capsys)[-1]["ReadRequests"] == 2
