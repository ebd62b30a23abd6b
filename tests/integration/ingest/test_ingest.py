"""Uploads through the real ingest handler: S3 events in SQS messages, files on an S3 on loopback."""

import gzip
import io
import json

import numpy as np
import pytest

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.inbox import GOOD, Inbox


def _ids(api: Api) -> list[str]:
    return sorted(match["id"] for match in api.search([1, 0.1]).json["matches"])


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("uploads/t/x.jsonl", GOOD),
        ("uploads/t/deep/er/x.jsonl.gz", gzip.compress(GOOD, mtime=0)),
        ("uploads/t/with space + plus & ü 漢.jsonl", GOOD),
        ("uploads/t/100%25.jsonl", GOOD),
    ],
)
def test_a_file_becomes_searchable(api: Api, inbox: Inbox, key: str, data: bytes) -> None:
    inbox.upload(key, data)
    assert api.search([1, 0], k=1).json["matches"] == [{"id": "a", "distance": 0.0, "metadata": {"n": 1}}]
    assert inbox.reports() == []


def test_one_bad_row_rejects_the_file_and_is_reported(api: Api, inbox: Inbox) -> None:
    rows = [f'{{"id": "{n}", "vector": [1, {n}]}}' for n in range(9_999)] + ['{"id": "last", "vector": [1, 1e39]}']
    before = api.send("GET", "/indexes/t").etag
    inbox.upload("uploads/t/big.jsonl", "\n".join(rows).encode())
    report = inbox.report("rejected/t/big.jsonl.json")
    assert (report["file"], report["bad"]) == ("uploads/t/big.jsonl", 1)
    assert [(row["line"], row["id"]) for row in report["rows"]] == [(10_000, "last")]
    assert api.send("GET", "/indexes/t").etag == before


@pytest.mark.parametrize(("wrong", "counted", "stopped"), [(999, 999, False), (1_500, 1_000, True)])
def test_reading_stops_after_1000_bad_rows_and_the_report_says_so(
    api: Api, inbox: Inbox, wrong: int, counted: int, stopped: bool
) -> None:
    inbox.upload("uploads/t/x.jsonl", b'{"id": "a", "vector": [1]}\n' * wrong)
    report = inbox.report("rejected/t/x.jsonl.json")
    assert (report["bad"], len(report["rows"])) == (counted, counted)
    assert ("stopped" in report["reason"]) == stopped


@pytest.mark.parametrize("shards", [1, 3])
def test_a_report_numbers_the_rows_of_an_array_from_one(api: Api, inbox: Inbox, shards: int) -> None:
    api.create("rows", 2, shards=shards)
    packed = io.BytesIO()
    np.savez(packed, ids=np.array([b"a", b"caf\xe9", b"c", b"d"]), vectors=np.array([[1, 0], [1, 0], [0, 0], [0, 1]]))
    inbox.upload("uploads/rows/x.npz", packed.getvalue())
    rows = inbox.report("rejected/rows/x.npz.json")["rows"]
    assert [(row["line"], row["id"]) for row in rows] == [(2, None), (3, "c")]


# Lines 3, 5, 6, 8 and 10 are bad, each for another reason; lines 2, 4 and 7 are blank.
BAD_LINES = (
    b'{"id": "a", "vector": [1, 0]}',
    b"",
    b'{"id": "short", "vector": [1]}',
    b" \t",
    b'{"id": "zero", "vector": [0, 0]}',
    b'{"id": "far", "vector": [1, 1e39]}',
    b"",
    b'{"id": "", "vector": [1, 0]}',
    b'{"id": "b", "vector": [0, 1]}',
    b"no JSON",
)


@pytest.mark.parametrize(
    ("suffix", "newline", "shards"),
    [(".jsonl", b"\n", 1), (".jsonl", b"\r\n", 3), (".jsonl.gz", b"\n", 3), (".jsonl.gz", b"\r\n", 1)],
)
def test_a_report_names_the_lines_of_the_file(api: Api, inbox: Inbox, suffix: str, newline: bytes, shards: int) -> None:
    api.create("lines", 2, shards=shards)
    text = newline.join(BAD_LINES)
    inbox.upload(f"uploads/lines/x{suffix}", gzip.compress(text, mtime=0) if suffix.endswith("gz") else text)
    rows = inbox.report(f"rejected/lines/x{suffix}.json")["rows"]
    assert [(row["line"], row["id"]) for row in rows] == [(3, "short"), (5, "zero"), (6, "far"), (8, ""), (10, None)]


FOREVER_BAD = (
    ("uploads/absent/x.jsonl", GOOD),
    ("uploads/t/x.csv", GOOD),
    ("uploads/t/empty.jsonl", b"\n\n"),
    ("uploads/t/x.jsonl.gz", b"no gzip"),
    ("uploads/t/cut.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4\n"),
    ("uploads/t/x.npz", b"PK\x05\x06" + bytes(18)),
    ("uploads/t/x.parquet", b"PAR1" + bytes(20) + b"PAR1"),
    ("uploads/t/bomb.jsonl.gz", gzip.compress(bytes(60 << 20), 1, mtime=0)),
    ("uploads/t/../../x.jsonl", GOOD),
    ("uploads/t//x.jsonl", GOOD),
    ("uploads/.t/x.jsonl", GOOD),
    ("uploads/x.jsonl", GOOD),
)


def test_a_file_that_can_never_be_ingested_gets_a_report_and_is_not_retried(api: Api, inbox: Inbox) -> None:
    for key, data in FOREVER_BAD:
        # moto itself tidies some of these keys, so the event alone carries them.
        if "//" not in key and ".." not in key:
            inbox.put(key, data)
    assert inbox.deliver_each(FOREVER_BAD) == []
    assert sorted(inbox.files_of_reports()) == sorted(key for key, _ in FOREVER_BAD)
    assert _ids(api) == []


NOT_VECTORS = (
    ("uploads/", b""),
    ("uploads/t/", b""),
    ("uploads/absent/", b""),
    ("uploads/t/deep/er/", b""),
    ("uploads/t/deep_$folder$", b""),
    ("uploads/_SUCCESS", b""),
    ("uploads/t/_SUCCESS", b""),
    ("uploads/t/_SUCCESS", b"{}"),
    ("uploads/t/deep/_SUCCESS", b""),
    ("uploads/t/_metadata", b"PAR1"),
    ("uploads/t/_common_metadata", b"PAR1"),
    ("uploads/t/_committed_4711", b"{}"),
    ("uploads/t/_started_4711", b""),
    ("uploads/t/_temporary/0/task/part-0.jsonl", GOOD),
    ("uploads/t/_delta_log/00000000000000000010.checkpoint.parquet", b"PAR1"),
    ("uploads/t/.part-0.parquet.crc", b"crc"),
    ("uploads/t/.DS_Store", b"\0\0\0\1Bud1"),
    ("uploads/t/._x.jsonl", b"\0\5\x16\7"),
    ("uploads/t/.ipynb_checkpoints/x.jsonl", GOOD),
    ("uploads/t/.x.jsonl.swp", b"b0VIM"),
    ("rejected/t/x.jsonl.json", b"{}"),
)


def test_an_object_that_is_not_a_file_of_vectors_is_ignored(
    api: Api, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert inbox.deliver_each(NOT_VECTORS) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["level"], line["outcome"]) for line in lines] == [("info", "ignored")] * len(NOT_VECTORS)
    assert (inbox.reports(), _ids(api)) == ([], [])


PERHAPS_VECTORS = (
    ("uploads/t/x.csv", b""),
    ("uploads/t/x", GOOD),
    ("uploads/t/x.jsonl.bz2", GOOD),
    ("uploads/t/x.jsonl/", GOOD),
    ("uploads/t/data_$folder$", GOOD),
    ("uploads/t/SUCCESS", b""),
    ("uploads/t/x._", b""),
    *[(f"uploads/t/x{suffix}", b"") for suffix in (".jsonl", ".jsonl.gz", ".npy", ".npz", ".parquet")],
)


def test_a_file_that_may_be_intended_as_data_is_never_ignored(api: Api, inbox: Inbox) -> None:
    for key, data in PERHAPS_VECTORS:
        inbox.put(key, data)
    assert inbox.deliver_each(PERHAPS_VECTORS) == []
    assert sorted(inbox.files_of_reports()) == sorted(key for key, _ in PERHAPS_VECTORS)
    assert _ids(api) == []


def test_an_index_whose_name_begins_with_an_underscore_gets_its_files(api: Api, inbox: Inbox) -> None:
    api.create("_t")
    inbox.upload("uploads/_t/x.jsonl", GOOD)
    assert api.search([1, 0], name="_t", k=1).json["matches"][0]["id"] == "a"


def test_an_empty_file_is_reported_as_empty(api: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/t/x.npz", b"")
    assert "is empty" in inbox.report("rejected/t/x.npz.json")["reason"]


def test_a_file_larger_than_memory_allows_is_rejected_unread(api: Api, inbox: Inbox) -> None:
    event = json.loads(inbox.event("uploads/t/x.jsonl", b""))
    event["Records"][0]["s3"]["object"]["size"] = 50 << 20
    assert inbox.deliver(json.dumps(event)) == []
    assert "split it" in inbox.report("rejected/t/x.jsonl.json")["reason"]


def test_a_report_for_a_very_long_key_is_named_by_a_hash(api: Api, inbox: Inbox) -> None:
    inbox.upload(f"uploads/t/{'x' * 1_008}.jsonl"[:1_024], b"no format")
    (report,) = inbox.reports()
    assert len(report) < 100
    assert inbox.report(report)["file"].startswith("uploads/t/xxx")


def test_a_redelivered_event_changes_nothing(api: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/t/x.jsonl", GOOD)
    api.send("DELETE", "/indexes/t/vectors/a")
    before = api.send("GET", "/indexes/t").etag
    assert inbox.deliver(inbox.event("uploads/t/x.jsonl", GOOD)) == []
    assert api.send("GET", "/indexes/t").etag == before


def test_a_redelivery_in_the_same_batch_commits_nothing(
    api: Api, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.put("uploads/t/x.jsonl", GOOD)
    event = inbox.event("uploads/t/x.jsonl", GOOD)
    capsys.readouterr()
    assert inbox.deliver(event, event) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["outcome"], line.get("Commits", 0)) for line in lines] == [("committed", 1), ("stale", 0)]


def test_an_older_event_of_the_same_bytes_does_not_overwrite_a_newer_one(api: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/t/x.jsonl", GOOD, sequencer="02")
    api.add({"id": "a", "vector": [5, 5]})
    assert inbox.deliver(inbox.event("uploads/t/x.jsonl", GOOD, sequencer="01")) == []
    assert api.send("GET", "/indexes/t/vectors/a").json["vector"] == [5.0, 5.0]


def test_a_deleted_file_is_ignored(api: Api, inbox: Inbox) -> None:
    assert inbox.deliver(inbox.event("uploads/t/gone.jsonl", GOOD)) == []
    assert inbox.reports() == []


def test_an_upload_for_a_deleted_index_gets_a_report(api: Api, inbox: Inbox) -> None:
    api.send("DELETE", "/indexes/t")
    inbox.upload("uploads/t/x.jsonl", GOOD)
    assert "no index 't'" in inbox.report("rejected/t/x.jsonl.json")["reason"]


def test_a_malformed_message_alone_is_redelivered(api: Api, inbox: Inbox) -> None:
    inbox.put("uploads/t/x.jsonl", GOOD)
    assert inbox.deliver("poison", inbox.event("uploads/t/x.jsonl", GOOD), "{}") == ["m0", "m2"]
    assert _ids(api) == ["a", "b"]


def test_the_test_event_of_s3_is_accepted(inbox: Inbox) -> None:
    assert inbox.deliver(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})) == []


def test_a_corrupt_index_leaves_the_message_for_redelivery(api: Api, inbox: Inbox, bucket: S3Backend) -> None:
    bucket.seed("t", b"LHV1 broken")
    inbox.put("uploads/t/x.jsonl", GOOD)
    assert inbox.deliver(inbox.event("uploads/t/x.jsonl", GOOD)) == ["m0"]


def test_a_log_line_carries_metrics_and_no_vector_or_metadata(
    api: Api, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    inbox.upload("uploads/t/x.jsonl", b'{"id": "a", "vector": [0.123456, 0], "metadata": "secret"}')
    line = json.loads(capsys.readouterr().out)
    assert (line["outcome"], line["index"], line["RowsCommitted"]) == ("committed", "t", 1)
    assert "secret" not in json.dumps(line)
    assert "0.123456" not in json.dumps(line)


def test_an_event_without_an_etag_fails(api: Api, inbox: Inbox) -> None:
    event = json.loads(inbox.event("uploads/t/x.jsonl", GOOD))
    del event["Records"][0]["s3"]["object"]["eTag"]
    inbox.put("uploads/t/x.jsonl", GOOD)
    assert inbox.deliver(json.dumps(event)) == ["m0"]
