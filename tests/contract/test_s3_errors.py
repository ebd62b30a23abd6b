"""Responses of S3 are classified by error code and status, over real sockets, with one request for each call."""

import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from tests.support.backends import s3_store
from tests.support.http_server import ScriptedServer, answers, hangs, in_turn, refuses, resets, truncates
from vectord.errors import ConditionFailed, ObjectNotFound, StoreError, StoreRefused, StoreUnavailable, WriteConflict
from vectord.storage.base import IfAbsent, IfMatch, NotModified, Store, StoredObject
from vectord.storage.boto import Timeouts
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.store import S3Store

Call = Callable[[Store], Any]

CALLS: dict[str, Call] = {
    "get": lambda store: store.get("t", '"held"'),
    "etag": lambda store: store.etag("t"),
    "head": lambda store: store.head("t", 4, '"held"'),
    "read": lambda store: store.read("t", '"e1"', [(4, 8)]),
    "put": lambda store: store.put("t", b"data", IfMatch('"e0"'), "a-commit"),
    "create": lambda store: store.put("t", b"data", IfAbsent(), "a-commit"),
    "delete": lambda store: store.delete("t", IfMatch('"e0"')),
    "discard": lambda store: store.discard(".staging/1"),
    "list": lambda store: store.list("", 10, None),
    "versions": lambda store: store.versions("t", 10),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
WITH_BODY = {name: call for name, call in CALLS.items() if name != "etag"}
every_call_with_a_body = pytest.mark.parametrize("call", WITH_BODY.values(), ids=WITH_BODY.keys())


CLASSIFIED = [
    (404, "NoSuchKey", ObjectNotFound),
    (404, "NoSuchBucket", StoreRefused),
    (412, "PreconditionFailed", ConditionFailed),
    (409, "ConditionalRequestConflict", WriteConflict),
    (409, "OperationAborted", WriteConflict),
    (403, "AccessDenied", StoreRefused),
    (403, "InvalidAccessKeyId", StoreRefused),
    (400, "ExpiredToken", StoreRefused),
    (400, "RequestTimeout", StoreUnavailable),
    (429, "TooManyRequests", StoreUnavailable),
    (500, "InternalError", StoreUnavailable),
    (502, "BadGateway", StoreUnavailable),
    (503, "SlowDown", StoreUnavailable),
    (503, "ServiceUnavailable", StoreUnavailable),
    (400, "CodeOfTomorrow", StoreRefused),
    (500, "CodeOfTomorrow", StoreUnavailable),
]


# Every code for a call by obstore and one by boto3, which classify errors each in one place; some codes for every call.
ONE_BY_EACH_CLIENT = ("get", "put")
FOR_EVERY_CALL = ("NoSuchKey", "PreconditionFailed", "AccessDenied", "SlowDown")


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        pytest.param(call, refusal, id=f"{refusal[0]}-{refusal[1]}-{name}")
        for name, call in WITH_BODY.items()
        for refusal in CLASSIFIED
        if name in ONE_BY_EACH_CLIENT or refusal[1] in FOR_EVERY_CALL
    ],
)
def test_a_refusal_is_classified_by_its_code(
    server: ScriptedServer, store: S3Store, call: Call, refusal: tuple[int, str, type[StoreError]]
) -> None:
    status, code, kind = refusal
    server.answer = refuses(status, code)
    with pytest.raises(kind):
        call(store)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (300, StoreRefused),
        (403, StoreRefused),
        (404, ObjectNotFound),
        (412, ConditionFailed),
        (499, StoreRefused),
        (500, StoreUnavailable),
        (503, StoreUnavailable),
    ],
)
def test_a_refusal_without_a_body_is_classified_by_its_status(
    server: ScriptedServer, store: S3Store, status: int, kind: type[StoreError]
) -> None:
    server.answer = answers(status)
    with pytest.raises(kind):
        store.etag("t")
    assert len(server.requests) == 1


def test_the_words_of_a_message_decide_nothing(server: ScriptedServer, store: S3Store) -> None:
    server.answer = refuses(403, "AccessDenied", "404 NoSuchKey PreconditionFailed SlowDown")
    with pytest.raises(StoreRefused):
        store.get("t")


def test_304_is_not_modified(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(304)
    assert store.get("t", '"e1"') == NotModified()
    assert len(server.requests) == 1


def test_a_read_returns_the_bytes_and_the_etag(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"data")
    assert store.get("t") == StoredObject(b"data", '"e1"')


def test_a_write_returns_the_etag_of_its_response(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200)
    assert store.put("t", b"data", IfAbsent(), "a-commit") == '"e1"'
    assert len(server.requests) == 1


@every_call
def test_a_reset_connection_is_unavailable(server: ScriptedServer, store: S3Store, call: Call) -> None:
    server.answer = resets
    with pytest.raises(StoreUnavailable):
        call(store)
    assert len(server.requests) == 1


@every_call
@pytest.mark.slow
def test_a_response_that_takes_too_long_is_unavailable(
    server: ScriptedServer, aws_environment: None, call: Call
) -> None:
    server.answer, started = hangs(server), monotonic()
    with pytest.raises(StoreUnavailable):
        call(s3_store(server.endpoint, "bucket", "_vectors", timeouts=Timeouts(read=0.1, work=8)))
    assert len(server.requests) == 1
    assert monotonic() - started < 5  # and not as long as S3 may work


@every_call_with_a_body
def test_a_refusal_whose_code_was_cut_off_is_unavailable(server: ScriptedServer, store: S3Store, call: Call) -> None:
    server.answer = truncates(b"<Error><Code>NoSuchU", missing=100, status=404)
    with pytest.raises(StoreUnavailable):
        call(store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"some"], ids=["no byte", "some bytes"])
def test_an_object_that_ends_too_early_is_unavailable(server: ScriptedServer, store: S3Store, body: bytes) -> None:
    server.answer = truncates(body, missing=1_000)
    with pytest.raises(StoreUnavailable):
        store.get("t")


def test_a_listing_that_ends_too_early_is_unavailable(server: ScriptedServer, store: S3Store) -> None:
    server.answer = truncates(b"<ListBucketResult><IsTruncated>false</IsTruncated>", missing=1_000)
    with pytest.raises(StoreUnavailable):
        store.list("", 10, None)


def test_a_listing_that_is_not_xml_is_unavailable(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"<html><p>captive portal")
    with pytest.raises(StoreUnavailable):
        store.list("", 10, None)


@pytest.mark.parametrize(
    ("call", "page"),
    [
        *(pytest.param(call, b"<html><p>Bad gateway", id=f"a page-{name}") for name, call in WITH_BODY.items()),
        *(pytest.param(CALLS[name], b"", id=f"nothing-{name}") for name in ONE_BY_EACH_CLIENT),
        *(pytest.param(CALLS[name], b"no XML", id=f"text-{name}") for name in ONE_BY_EACH_CLIENT),
    ],
)
def test_a_gateway_that_responds_instead_of_s3_is_unavailable(
    server: ScriptedServer, store: S3Store, call: Call, page: bytes
) -> None:
    server.answer = answers(502, page)
    with pytest.raises(StoreUnavailable):
        call(store)
    assert len(server.requests) == 1


def test_a_listing_does_not_request_keys_in_folders(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    store.list("b", 10, None)
    assert "delimiter=%2F" in server.requests[0]
    assert "prefix=_vectors%2Fb&" in server.requests[0] + "&"


def test_a_listing_continues_where_s3_stopped(server: ScriptedServer, store: S3Store) -> None:
    entry = "<Contents><Key>_vectors/{}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>go-on</NextContinuationToken>"
    bodies = [f"{more}{entry.format('foreign.txt')}", f"<IsTruncated>false</IsTruncated>{entry.format('t.lhv1')}"]
    server.answer = in_turn(*(answers(200, f"<ListBucketResult>{body}</ListBucketResult>".encode()) for body in bodies))
    assert [listed.name for listed in store.list("", 10, None).objects] == ["t"]
    assert ["continuation-token=go-on" in request for request in server.requests] == [False, True]


@every_call
def test_a_refused_connection_is_unavailable(aws_environment: None, call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(StoreUnavailable):
        call(s3_store(f"http://127.0.0.1:{port}", "bucket", "_vectors"))


@pytest.mark.parametrize("call", [CALLS[name] for name in ONE_BY_EACH_CLIENT], ids=ONE_BY_EACH_CLIENT)
def test_missing_credentials_are_refused_before_a_request_is_sent(
    server: ScriptedServer, aws_environment: None, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(StoreRefused):
        call(s3_store(server.endpoint, "bucket", "_vectors", credentials=None))
    assert server.requests == []


def test_timeouts_are_shorter_than_those_of_the_api_gateway() -> None:
    config = s3_client(Bucket("bucket", "us-east-1")).meta.config
    assert config.connect_timeout + config.read_timeout < 29
    assert config.retries["total_max_attempts"] == 1
    assert Timeouts().connect + max(Timeouts().read, Timeouts().work) < 29
