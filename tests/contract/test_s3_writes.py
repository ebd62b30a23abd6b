"""Requests of writes, over real sockets: signed, with checksums, and each sent once."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from tests.support import http_server
from tests.support.backends import LEAST_PART, s3_store
from tests.support.http_server import Answer, ScriptedServer, answers, hangs, refuses
from vectord.errors import StoreRefused, StoreUnavailable
from vectord.storage.base import CopySource, IfAbsent, IfMatch
from vectord.storage.boto import Timeouts
from vectord.storage.s3.store import S3Store

UPLOAD = {
    "create": b"<InitiateMultipartUploadResult><UploadId>u/1+&amp;</UploadId></InitiateMultipartUploadResult>",
    "copy": b"<CopyPartResult><ETag>&quot;p2&quot;</ETag></CopyPartResult>",
    "complete": b"<CompleteMultipartUploadResult><ETag>&quot;e2-3&quot;</ETag></CompleteMultipartUploadResult>",
}
LONG = bytes(range(256)) * 4_096


def s3(handler: http_server.BaseHTTPRequestHandler) -> None:
    """Respond as S3 does if the request succeeds."""
    body = b""
    if handler.command == "POST":
        body = UPLOAD["create" if "uploads" in handler.path else "complete"]
    elif "x-amz-copy-source" in handler.headers:
        body = UPLOAD["copy"]
    answers(204 if handler.command == "DELETE" else 200, body)(handler)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with http_server.scripted_server() as server:
        server.answer = s3
        yield server


@pytest.fixture
def store(server: ScriptedServer) -> S3Store:
    return s3_store(server.endpoint, "bucket", "pre fix/ä+%41")


def put(store: S3Store, data: bytes = b"data") -> str:
    return store.put("t +", data, IfMatch('"e0"'), "a-commit")


def splice(store: S3Store) -> str:
    source = CopySource("t +", '"e0"', 8, 8 + LEAST_PART)
    return store.splice("t +", b"h" * LEAST_PART, source, condition=IfAbsent(), commit="a-commit")


WRITES: dict[str, Callable[[S3Store], Any]] = {
    "put": put,
    "splice": splice,
    "stage": lambda store: store.stage(".staging/1", [b"data"]),
    "discard": lambda store: store.discard(".staging/1"),
    "delete": lambda store: store.delete("t +", IfMatch('"e0"')),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())


@every_write
def test_every_header_that_describes_the_write_is_signed(
    server: ScriptedServer, store: S3Store, write: Callable[[S3Store], Any]
) -> None:
    write(store)
    for headers in server.headers:
        signed = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        says = {name.lower() for name in headers if name.lower().startswith(("x-amz-", "if-", "content-type", "host"))}
        assert says == set(signed)


@every_write
def test_over_plain_http_the_body_is_signed(
    server: ScriptedServer, store: S3Store, write: Callable[[S3Store], Any]
) -> None:
    write(store)
    assert [headers["x-amz-content-sha256"] for headers in server.headers] == [
        sha256(body).hexdigest() for body in server.bodies
    ]


@pytest.mark.parametrize("data", [b"", b"data", LONG, LONG[1:], LONG + b"1"], ids=len)
def test_a_put_sends_the_bytes_and_their_checksum(server: ScriptedServer, store: S3Store, data: bytes) -> None:
    put(store, data)
    assert server.bodies == [data]
    assert server.headers[0]["x-amz-checksum-crc32"] == b64encode(crc32(data).to_bytes(4)).decode()


def test_a_body_is_sent_without_waiting_for_100_continue(server: ScriptedServer, store: S3Store) -> None:
    put(store)
    splice(store)
    assert {headers["Expect"] for headers in server.headers} == {None}


def test_a_put_sends_its_metadata_and_condition(server: ScriptedServer, store: S3Store) -> None:
    put(store)
    sent = server.headers[0]
    assert (sent["Content-Type"], sent["x-amz-meta-commit"]) == ("application/octet-stream", "a-commit")
    assert (sent["If-Match"], sent["If-None-Match"]) == ('"e0"', None)


def test_a_staged_object_is_deleted_unconditionally(server: ScriptedServer, store: S3Store) -> None:
    store.discard(".staging/1")
    assert server.requests == ["DELETE /bucket/pre%20fix/%C3%A4%2B%2541/.staging/1"]
    assert server.headers[0]["If-Match"] is None


def test_the_source_of_a_copy_is_encoded_once(server: ScriptedServer, store: S3Store) -> None:
    splice(store)
    copies = [headers["x-amz-copy-source"] for headers in server.headers if "x-amz-copy-source" in headers]
    assert copies == ["bucket/pre%20fix/%C3%A4%2B%2541/t%20%2B.lhv1"]


def test_the_upload_id_is_sent_as_s3_returned_it(server: ScriptedServer, store: S3Store) -> None:
    splice(store)
    assert {request.rpartition("=")[2] for request in server.requests[1:]} == {"u%2F1%2B%26"}


def test_more_than_s3_accepts_in_one_put_is_refused_before_it_is_sent(server: ScriptedServer, store: S3Store) -> None:
    endless: Any = np.broadcast_to(np.zeros(1, np.uint8), (5 << 30) + 1)  # one byte of memory
    with pytest.raises(StoreRefused, match="EntityTooLarge"):
        put(store, endless)
    assert server.requests == []


def test_consecutive_writes_share_a_connection(server: ScriptedServer, store: S3Store) -> None:
    for _ in range(3):
        put(store)
    assert len(set(server.clients)) == 1


def test_a_body_that_is_not_read_is_unavailable(server: ScriptedServer) -> None:
    server.takes_bodies, server.answer = False, hangs(server)
    store, started = s3_store(server.endpoint, "bucket", "_vectors", timeouts=Timeouts(connect=0.2)), monotonic()
    with pytest.raises(StoreUnavailable):
        put(store, b"x" * (64 << 20))
    assert monotonic() - started < Timeouts().read
    assert len(server.requests) == 1


@pytest.mark.slow
def test_a_long_body_may_be_sent_slowly(server: ScriptedServer) -> None:
    def taken(handler: http_server.BaseHTTPRequestHandler) -> None:
        for _ in range(32):
            server.done.wait(0.05)
            handler.rfile.read(1 << 20)
        s3(handler)

    server.takes_bodies, server.answer = False, taken
    put(s3_store(server.endpoint, "bucket", "_vectors", timeouts=Timeouts(connect=0.5)), b"x" * (32 << 20))


def test_a_damaged_body_is_unavailable(server: ScriptedServer, store: S3Store) -> None:
    server.answer = refuses(400, "BadDigest")
    with pytest.raises(StoreUnavailable):
        put(store)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_refused_and_not_followed(server: ScriptedServer, store: S3Store, status: int) -> None:
    server.answer = answers(status, Location=f"{server.endpoint}/elsewhere")
    with pytest.raises(StoreRefused):
        put(store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [answers(200, ETag=""), answers(204), answers(304)], ids=["no ETag", "204", "304"])
def test_a_foreign_response_is_not_a_success(server: ScriptedServer, store: S3Store, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises((StoreUnavailable, StoreRefused)):
        put(store)


def test_over_tls_a_body_with_a_checksum_is_not_hashed_again(
    secure: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    secure.answer = s3
    splice(s3_store(secure.endpoint, "bucket", "_vectors"))
    unsigned = [headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD" for headers in secure.headers]
    assert unsigned == ["x-amz-checksum-crc32" in headers for headers in secure.headers]
    assert unsigned.count(True) == 1  # the head


def test_a_host_with_an_untrusted_certificate_receives_no_request(secure: ScriptedServer) -> None:
    with pytest.raises(StoreUnavailable):
        put(s3_store(secure.endpoint, "bucket", "_vectors"))
    assert secure.requests == []
