"""Uploads through the real ingest handler: S3 events in SQS messages, files on an S3 on loopback."""

import gzip
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest

from tests.support.api import Api, load
from tests.support.backends import CONFUSING, CREDENTIALS, S3Backend
from vectord.storage.inbox import UploadedFile
from vectord.storage.s3.inbox import S3Inbox

GOOD = b'{"id": "a", "vector": [1, 0], "metadata": {"n": 1}}\n{"id": "b", "vector": [0, 1]}\n'
FUNCTIONS = Path(__file__).parents[2] / "functions"


class Inbox:
    """An inbox bucket, and the function that its events reach."""

    def __init__(self, backend: S3Backend) -> None:
        self.bucket, self.client = f"{backend.bucket}-inbox", backend.client
        self.client.create_bucket(Bucket=self.bucket)
        self.handler = load(FUNCTIONS / "ingest").lambda_handler

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def event(self, key: str, data: bytes, sequencer: str = "0055AED6DCD90281E5") -> str:
        """What S3 sends when `data` was put under `key`."""
        named = {
            "key": quote_plus(key),
            "size": len(data),
            "eTag": hashlib.md5(data).hexdigest(),
            "sequencer": sequencer,
        }
        return json.dumps(
            {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": self.bucket}, "object": named}}]}
        )

    def deliver(self, *bodies: str) -> list[str]:
        """Invoke the function with messages m0, m1, …; return those that it wants again."""
        records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
        answer = self.handler({"Records": records}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def deliver_each(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        """Deliver the event of each of the files in one batch."""
        return self.deliver(*(self.event(key, data) for key, data in files))

    def upload(self, key: str, data: bytes, sequencer: str = "0055AED6DCD90281E5") -> None:
        self.put(key, data)
        assert self.deliver(self.event(key, data, sequencer)) == []

    def report(self, key: str) -> Any:
        return json.loads(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def reports(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix="rejected/")
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def files_of_reports(self) -> list[str]:
        """Return the key of the file that each report names."""
        return [self.report(key)["file"] for key in self.reports()]


@pytest.fixture
def environment(bucket: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the API and of the ingest function, before either starts: so they can share clients."""
    monkeypatch.setenv("VECTORD_INBOX", f"{bucket.bucket}-inbox")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")


@pytest.fixture
def inbox(environment: None, bucket: S3Backend) -> Inbox:
    return Inbox(bucket)


@pytest.fixture
def api(environment: None, on_s3_in_one_process: Api) -> Api:
    on_s3_in_one_process.create("t", 2)
    return on_s3_in_one_process


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


def test_a_report_lists_the_first_bad_rows_and_counts_all(api: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/t/x.jsonl", b'{"id": "a", "vector": [1]}\n' * 1_500)
    report = inbox.report("rejected/t/x.jsonl.json")
    assert (report["bad"], len(report["rows"])) == (1_500, 1_000)


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
    ("uploads/t/bomb.jsonl.gz", gzip.compress(bytes(60 << 20), mtime=0)),
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


def test_an_event_of_a_replaced_file_is_left_to_the_newer_event(api: Api, inbox: Inbox) -> None:
    newer = b'{"id": "new", "vector": [1, 1]}'
    inbox.put("uploads/t/x.jsonl", newer)
    assert (
        inbox.deliver(inbox.event("uploads/t/x.jsonl", GOOD, "01"), inbox.event("uploads/t/x.jsonl", newer, "02")) == []
    )
    assert _ids(api) == ["new"]
    assert inbox.reports() == []


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


def test_an_upload_link_works_without_aws_credentials(api: Api, inbox: Inbox) -> None:
    link = api.send("POST", "/indexes/t/uploads", {"file": "x y.jsonl"}).json
    assert (link["method"], link["key"], link["expires"]) == ("PUT", "uploads/t/x y.jsonl", 900)
    assert "X-Amz-Signature" in link["url"]


def test_an_upload_link_names_the_region_of_its_bucket(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # A new bucket answers the name without a region by a redirect, which a signed PUT does not survive.
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1", "VECTORD_INBOX": "inbox"}.items():
        monkeypatch.setenv(name, value)
    ephemeral.create("t", 2)
    link = ephemeral.send("POST", "/indexes/t/uploads", {"file": "x.jsonl"}).json["url"]
    assert link.startswith("https://inbox.s3.eu-west-1.amazonaws.com/uploads/t/x.jsonl?")


@pytest.mark.parametrize(
    ("index", "file", "status"),
    [
        ("absent", "x.jsonl", 404),
        ("t", "x.csv", 422),
        ("t", "../x.jsonl", 422),
        ("t", ".x.jsonl", 422),
        ("t", "_temporary/x.jsonl", 422),
        ("t", 7, 422),
    ],
)
def test_an_upload_link_for_an_invalid_target_is_refused(
    api: Api, inbox: Inbox, index: str, file: Any, status: int
) -> None:
    assert api.send("POST", f"/indexes/{index}/uploads", {"file": file}).status == status


# ---- a corrected file

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


def test_a_redelivered_event_of_a_committed_file_keeps_the_report_on_a_newer_one(corrected: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", GOOD, "01")
    inbox.upload("uploads/x/f.jsonl", BAD, "02")
    assert inbox.deliver(inbox.event("uploads/x/f.jsonl", GOOD, "01")) == []
    assert inbox.report(REPORT)["sequencer"] == "02"


def test_a_redelivery_removes_the_report_that_the_first_delivery_left(corrected: Api, inbox: Inbox) -> None:
    """The function may end between the commit and the removal."""
    inbox.upload("uploads/x/f.jsonl", BAD, "01")
    report = json.dumps(inbox.report(REPORT)).encode()
    inbox.upload("uploads/x/f.jsonl", GOOD, "02")
    inbox.put(REPORT, report)
    assert inbox.deliver(inbox.event("uploads/x/f.jsonl", GOOD, "02")) == []
    assert inbox.reports() == []


def test_an_object_that_is_not_a_report_on_the_file_is_kept(corrected: Api, inbox: Inbox) -> None:
    others = {"notes": b"notes", "array": b"[]", "another": b'{"file": "uploads/x/f.jsonl"}'}
    for name, other in others.items():
        inbox.put(f"rejected/x/{name}.jsonl.json", other)
        inbox.upload(f"uploads/x/{name}.jsonl", GOOD)
    assert inbox.reports() == [f"rejected/x/{name}.jsonl.json" for name in sorted(others)]


def test_a_report_that_was_written_again_since_it_was_read_is_kept(inbox: Inbox) -> None:
    reports, upload = S3Inbox(inbox.bucket, lambda: inbox.client), UploadedFile(inbox.bucket, "uploads/x/f", "", "", 0)
    reports.write_report(upload, REPORT, b"old")
    found = reports.read_report(upload, REPORT)
    reports.write_report(upload, REPORT, b"new")
    assert found is not None
    reports.remove_report(upload, REPORT, found.etag)
    again = reports.read_report(upload, REPORT)
    assert again is not None
    assert again.data == b"new"


def test_an_event_without_an_etag_fails(api: Api, inbox: Inbox) -> None:
    event = json.loads(inbox.event("uploads/t/x.jsonl", GOOD))
    del event["Records"][0]["s3"]["object"]["eTag"]
    inbox.put("uploads/t/x.jsonl", GOOD)
    assert inbox.deliver(json.dumps(event)) == ["m0"]


# ---- an index in shards

ROWS = b"".join(b'{"id": "row-%d", "vector": [1, %d]}\n' % (i, i) for i in range(20))


@pytest.fixture
def sharded(api: Api) -> Api:
    """An API with the index `s` in three shards."""
    api.create("s", shards=3)
    return api


def counts(api: Api) -> list[int]:
    return [shard["count"] for shard in api.send("GET", "/indexes/s").json["shards"]]


def test_rows_of_a_file_are_stored_in_their_shards(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS)
    assert sum(counts(sharded)) == 20
    assert min(counts(sharded)) > 0
    assert sharded.search([1, 7], name="s", k=1).json["matches"][0]["id"] == "row-7"


def test_a_redelivered_file_changes_no_shard(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS)
    sharded.send("DELETE", "/indexes/s/vectors/row-7")
    before = sharded.send("GET", "/indexes/s").etag
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == []
    assert sharded.send("GET", "/indexes/s").etag == before


def test_a_shard_that_failed_gets_its_rows_at_redelivery(sharded: Api, inbox: Inbox, bucket: S3Backend) -> None:
    [key] = [bucket.key(name) for name in bucket.objects() if name.endswith("/1")]
    sound = bucket.read(key)
    bucket.write(key, b"LHV2 and more")
    inbox.put("uploads/s/f.jsonl", ROWS)
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == ["m0"]
    bucket.write(key, sound)
    assert counts(sharded)[1] == 0
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == []
    assert sum(counts(sharded)) == 20


def test_a_bad_row_rejects_a_file_for_every_shard(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS + b'{"id": "bad", "vector": [0, 0]}\n')
    assert counts(sharded) == [0, 0, 0]
    assert inbox.report("rejected/s/f.jsonl.json")["bad"] == 1
