"""Listings and reads of versions, over real sockets: the requests, and how responses are understood."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import http_server
from tests.support.backends import LEAST_PART
from tests.support.http_server import ScriptedServer, answers, in_turn, ranged, refuses
from tests.support.multipart import HEAD, MultipartScript
from vectord.errors import ConditionFailed, ObjectVersionNotFound, StoreError, StoreRefused, StoreUnavailable
from vectord.storage.base import CopySource, IfAbsent, ObjectHead, ObjectVersion, VersionPage
from vectord.storage.s3.store import S3Store

# "ListObjectVersions" in the API reference of Amazon S3, with our keys.
AS_PUBLISHED = b"""<?xml version="1.0" encoding="UTF-8"?>

<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01">
    <Name>bucket</Name>
    <Prefix>_vectors/t.lhv1</Prefix>
    <KeyMarker/>
    <VersionIdMarker/>
    <MaxKeys>5</MaxKeys>
    <IsTruncated>false</IsTruncated>
    <DeleteMarker>
        <Key>_vectors/t.lhv1</Key>
        <VersionId>03jpff543dhffds434rfdsFDN943fdsFkdmqnh892</VersionId>
        <IsLatest>true</IsLatest>
        <LastModified>2009-10-15T17:50:30.000Z</LastModified>
        <Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>
    </DeleteMarker>
    <Version>
        <Key>_vectors/t.lhv1</Key>
        <VersionId>3/L4kqtJl40Nr8X8gdRQBpUMLUo</VersionId>
        <IsLatest>false</IsLatest>
        <LastModified>2009-10-12T17:50:30.000Z</LastModified>
        <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>
        <Size>434234</Size>
        <StorageClass>STANDARD</StorageClass>
    </Version>
</ListVersionsResult>"""
DELETION = ObjectVersion(
    "03jpff543dhffds434rfdsFDN943fdsFkdmqnh892", None, 0, datetime(2009, 10, 15, 17, 50, 30, tzinfo=UTC), True, True
)
STATE = ObjectVersion(
    "3/L4kqtJl40Nr8X8gdRQBpUMLUo",
    '"fba9dede5f27731c9771645a39863328"',
    434_234,
    datetime(2009, 10, 12, 17, 50, 30, tzinfo=UTC),
    False,
    False,
)


def asked(server: ScriptedServer, number: int = 0) -> dict[str, str]:
    query = urlsplit(server.requests[number].split(" ", 1)[1]).query
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def listing(*entries: str, more: str = "") -> http_server.Answer:
    """Respond with a page; `more` is the key and the id where the next page starts, separated by a blank."""
    rest = "<IsTruncated>false</IsTruncated>"
    if more:
        key, version = more.split()
        rest = f"<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker>"
        rest += f"<NextVersionIdMarker>{version}</NextVersionIdMarker>"
    return answers(200, f"<ListVersionsResult>{rest}{''.join(entries)}</ListVersionsResult>".encode())


def entry(
    version: str, key: str = "_vectors/t.lhv1", size: str = "1", modified: str = "2026-01-01T00:00:00.000Z"
) -> str:
    return (
        f"<Version><Key>{key}</Key><VersionId>{version}</VersionId><IsLatest>false</IsLatest>"
        f"<LastModified>{modified}</LastModified><ETag>&quot;e&quot;</ETag><Size>{size}</Size></Version>"
    )


def ids(page: VersionPage) -> list[str]:
    return [one.id for one in page.versions]


def test_the_published_example_of_a_listing_is_read_in_its_order(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, AS_PUBLISHED)
    assert store.versions("t", 10) == VersionPage((DELETION, STATE), None)


def test_a_listing_requests_one_key_and_one_more_version_than_the_limit(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v1"))
    store.versions("t", 10)
    assert server.requests[0].startswith("GET /bucket?versions&")
    assert asked(server) == {"versions": "", "prefix": "_vectors/t.lhv1", "max-keys": "11", "encoding-type": "url"}


def test_a_listing_continues_after_a_version_of_the_key(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v1"))
    store.versions("t", 10, "v/2+")
    assert (asked(server)["key-marker"], asked(server)["version-id-marker"]) == ("_vectors/t.lhv1", "v/2+")


def test_a_short_page_of_s3_is_filled(server: ScriptedServer, store: S3Store) -> None:
    server.answer = in_turn(listing(entry("v3"), more="_vectors/t.lhv1 v3"), listing(entry("v2"), entry("v1")))
    page = store.versions("t", 2)
    assert (ids(page), page.after) == (["v3", "v2"], "v2")
    assert asked(server, 1)["version-id-marker"] == "v3"


def test_a_listing_requests_at_most_as_many_as_s3_returns(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v1"))
    store.versions("t", 1_000)
    assert asked(server)["max-keys"] == "1000"


def test_a_listing_ends_at_another_key(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v1"), entry("v9", "_vectors/t.lhv1.bak"), more="_vectors/t.lhv1.bak v9")
    assert (ids(store.versions("t", 10)), len(server.requests)) == (["v1"], 1)


def test_a_listing_that_continues_with_another_key_is_not_followed(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v1"), more="_vectors/t.lhv1.bak v9")
    assert (ids(store.versions("t", 10)), len(server.requests)) == (["v1"], 1)


@pytest.mark.parametrize(
    "body",
    [
        b"<ListVersionsResult></ListVersionsResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
        b"<html></html>",
        b"",
        b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>_vectors/t.lhv1</NextKeyMarker>"
        b"</ListVersionsResult>",
        b"<ListVersionsResult><Version><Key>_vectors/t.lhv1</Key></Version></ListVersionsResult>",
        b"<ListVersionsResult>%s</ListVersionsResult>" % entry("v1", size="many").encode(),
        b"<ListVersionsResult>%s</ListVersionsResult>" % entry("v1", modified="yesterday").encode(),
    ],
)
def test_a_response_that_is_not_a_listing_is_unavailable(server: ScriptedServer, store: S3Store, body: bytes) -> None:
    server.answer = answers(200, body)
    with pytest.raises(StoreUnavailable):
        store.versions("t", 10)


def test_a_listing_after_a_malformed_id_is_refused(server: ScriptedServer, store: S3Store) -> None:
    server.answer = refuses(400, "InvalidArgument")
    with pytest.raises(ObjectVersionNotFound):
        store.versions("t", 10, "nonesuch")


def test_a_read_of_a_version_names_it_and_is_pinned_to_its_etag(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(b"0123456789")
    assert store.read("t", '"e1"', [(2, 5)], version="v/1+") == [b"234"]
    assert asked(server) == {"versionId": "v/1+"}
    assert (server.headers[0]["Range"], server.headers[0]["If-Match"]) == ("bytes=2-4", '"e1"')


def test_a_head_of_a_version_names_it(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(b"0123456789")
    assert store.head("t", 4, '"held"', version="v1") == ObjectHead(b"0123", '"e1"', 10)
    assert (asked(server), server.headers[0]["If-None-Match"]) == ({"versionId": "v1"}, '"held"')


def test_a_version_that_is_sent_whole_is_cut(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"0123456789")
    assert store.head("t", 4, version="v1") == ObjectHead(b"0123", '"e1"', 10)
    assert store.read("t", '"e1"', [(2, 5), (9, 10)], version="v1") == [b"234", b"9"]


@pytest.mark.parametrize(
    ("span", "kind"), [((9, 11), StoreUnavailable), ((10, 11), StoreRefused), ((11, 12), StoreRefused)]
)
def test_a_range_outside_a_whole_version_fails_as_in_s3(
    server: ScriptedServer, store: S3Store, span: tuple[int, int], kind: type[StoreError]
) -> None:
    server.answer = answers(200, b"0123456789")
    with pytest.raises(kind):
        store.read("t", '"e1"', [span], version="v1")


def test_a_whole_version_with_another_etag_is_refused(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"0123456789", ETag='"e2"')
    with pytest.raises(ConditionFailed):
        store.read("t", '"e1"', [(2, 5)], version="v1")


GONE = [(404, "NoSuchVersion"), (404, "NoSuchKey"), (405, "MethodNotAllowed"), (400, "InvalidArgument")]


@pytest.mark.parametrize(("status", "code"), GONE)
def test_a_missing_version_is_classified_by_the_code(
    server: ScriptedServer, store: S3Store, status: int, code: str
) -> None:
    server.answer = refuses(status, code)
    with pytest.raises(ObjectVersionNotFound):
        store.head("t", 4, version="v1")
    with pytest.raises(ObjectVersionNotFound):
        store.read("t", '"e1"', [(0, 1)], version="v1")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", StoreRefused),
        (404, "NoSuchBucket", StoreRefused),
        (412, "PreconditionFailed", ConditionFailed),
        (503, "SlowDown", StoreUnavailable),
    ],
)
def test_any_other_refusal_of_a_version_is_classified_as_usual(
    server: ScriptedServer, store: S3Store, status: int, code: str, kind: type[StoreError]
) -> None:
    server.answer = refuses(status, code)
    with pytest.raises(kind):
        store.head("t", 4, version="v1")


def splice(store: S3Store) -> str:
    source = CopySource("t", '"e0"', 8, 8 + LEAST_PART, "v/1+")
    return store.splice("t", HEAD, source, condition=IfAbsent(), commit="a-commit")


@pytest.fixture
def script(server: ScriptedServer) -> MultipartScript:
    server.answer = script = MultipartScript()
    return script


def test_a_copy_names_the_version_and_is_pinned_to_its_etag(store: S3Store, script: MultipartScript) -> None:
    splice(store)
    sent = script.headers["copy"]
    assert sent["x-amz-copy-source"] == "bucket/_vectors/t.lhv1?versionId=v%2F1%2B"
    assert sent["x-amz-copy-source-if-match"] == '"e0"'


@pytest.mark.parametrize("code", ["NoSuchVersion", "NoSuchKey"])
def test_a_copy_of_a_removed_version_is_aborted(store: S3Store, script: MultipartScript, code: str) -> None:
    script.answers["copy"] = refuses(404, code)
    with pytest.raises(ObjectVersionNotFound):
        splice(store)
    assert script.steps[-1] == "abort"


def test_a_copy_into_a_missing_upload_says_nothing_about_the_version(store: S3Store, script: MultipartScript) -> None:
    script.answers["copy"] = refuses(404, "NoSuchUpload")
    with pytest.raises(StoreUnavailable):
        splice(store)


def test_a_link_is_made_without_a_request(server: ScriptedServer, store: S3Store) -> None:
    assert store.link("t", 60, "t.lhv1").startswith(f"{server.endpoint}/bucket/_vectors/t.lhv1?")
    assert server.requests == []


def test_a_full_page_is_one_request(server: ScriptedServer, store: S3Store) -> None:
    server.answer = listing(entry("v2"), entry("v1"))
    assert store.versions("t", 1).after == "v2"
    assert len(server.requests) == 1
