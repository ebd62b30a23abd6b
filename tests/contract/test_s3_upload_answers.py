"""Responses to the steps of an upload, over real sockets: late, an error with the status 200, or a foreign document."""

from base64 import b64encode
from xml.etree.ElementTree import fromstring
from zlib import crc32

import pytest

from tests.support.backends import s3_store
from tests.support.http_server import ScriptedServer, answers, slowly
from tests.support.multipart import HEAD, RESPONSES, MultipartScript, splice
from vectord.errors import ConditionFailed, StoreUnavailable
from vectord.storage.boto import Timeouts
from vectord.storage.s3.store import S3Store

AT_WORK = {"copy": RESPONSES["copy"], "complete": RESPONSES["complete"]}


@pytest.mark.slow
@pytest.mark.parametrize("step", AT_WORK)
def test_s3_may_work_for_longer_than_the_read_timeout(
    server: ScriptedServer, script: MultipartScript, step: str
) -> None:
    store = s3_store(server.endpoint, "bucket", "_vectors", timeouts=Timeouts(read=0.1, work=20))
    script.answers[step] = slowly(RESPONSES[step], pieces=2, seconds=0.15)
    assert splice(store) == '"e1-2"'


@pytest.mark.slow
@pytest.mark.parametrize(("step", "last"), [("copy", "abort"), ("complete", "complete")])
def test_s3_may_not_work_for_longer_than_the_work_timeout(
    server: ScriptedServer, script: MultipartScript, step: str, last: str
) -> None:
    store = s3_store(server.endpoint, "bucket", "_vectors", timeouts=Timeouts(work=0.2))
    script.answers[step] = slowly(RESPONSES[step], pieces=100, seconds=0.05)
    with pytest.raises(StoreUnavailable):
        splice(store)
    assert script.steps[-1] == last


@pytest.mark.parametrize("step", AT_WORK)
def test_a_refusal_may_follow_the_white_space(store: S3Store, script: MultipartScript, step: str) -> None:
    script.answers[step] = slowly(b"<Error><Code>PreconditionFailed</Code></Error>", pieces=2, seconds=0)
    with pytest.raises(ConditionFailed):
        splice(store)
    assert script.steps[-1] == "abort"


FOREIGN = {
    "nothing": b"",
    "no XML": b"captive portal",
    "a page": b"<html><ETag>&quot;p2&quot;</ETag></html>",
    "no field": b"<%b></%b>",
    "an empty field": b"<%b><ETag></ETag><UploadId></UploadId></%b>",
    "an open end": b"<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId>",
    "something before": b"HTTP<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>",
    "something after": b"<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>HTTP",
    "a document type": b"<!DOCTYPE x><%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>",
    "an error without a code": b"<Error><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></Error>",
    "an entity of its own": b'<!DOCTYPE x [<!ENTITY e "u1">]><%b><ETag>&e;</ETag><UploadId>&e;</UploadId></%b>',
    "an unknown entity": b"<%b><ETag>&e;</ETag><UploadId>&e;</UploadId></%b>",
}
ROOTS = {step: RESPONSES[step][1:].partition(b">")[0] for step in ("create", "copy", "complete")}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("step", ROOTS)
@pytest.mark.slow
def test_a_foreign_document_is_unavailable(store: S3Store, script: MultipartScript, step: str, foreign: bytes) -> None:
    script.answers[step] = answers(200, foreign.replace(b"%b", ROOTS[step]))
    with pytest.raises(StoreUnavailable):
        splice(store)
    assert script.steps[-1] == {"create": "create", "copy": "abort", "complete": "complete"}[step]


def test_a_part_is_sent_with_its_checksum(store: S3Store, script: MultipartScript) -> None:
    splice(store)
    assert script.headers["create"]["x-amz-checksum-algorithm"] == "CRC32"
    assert script.headers["head"]["x-amz-checksum-crc32"] == b64encode(crc32(HEAD).to_bytes(4)).decode()


def test_an_upload_is_completed_with_the_etags_and_checksums_of_its_parts(
    server: ScriptedServer, store: S3Store, script: MultipartScript
) -> None:
    copy = b"<CopyPartResult><ChecksumCRC32>c2==</ChecksumCRC32><ETag>&quot;p2&quot;</ETag></CopyPartResult>"
    script.answers = {
        "head": answers(200, **{"ETag": '"p1"', "x-amz-checksum-crc32": "c1=="}),
        "copy": answers(200, copy),
    }
    splice(store)
    parts = [{field.tag.rpartition("}")[2]: field.text for field in part} for part in fromstring(server.bodies[-1])]
    assert parts == [
        {"PartNumber": "1", "ETag": '"p1"', "ChecksumCRC32": "c1=="},
        {"PartNumber": "2", "ETag": '"p2"', "ChecksumCRC32": "c2=="},
    ]
