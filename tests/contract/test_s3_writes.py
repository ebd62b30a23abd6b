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

from tests.support import wire as wires
from tests.support.backends import LEAST_PART, s3_store
from tests.support.wire import Answer, Wire, answers, hangs, refuses
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


def s3(handler: wires.BaseHTTPRequestHandler) -> None:
    """Respond as S3 does if the request succeeds."""
    body = b""
    if handler.command == "POST":
        body = UPLOAD["create" if "uploads" in handler.path else "complete"]
    elif "x-amz-copy-source" in handler.headers:
        body = UPLOAD["copy"]
    answers(204 if handler.command == "DELETE" else 200, body)(handler)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wires.wire() as wired:
        wired.answer = s3
        yield wired


@pytest.fixture
def store(wire: Wire) -> S3Store:
    return s3_store(wire.endpoint, "bucket", "pre fix/ä+%41")


def put(store: S3Store, data: bytes = b"data") -> str:
    return store.put("t +", data, IfMatch('"e0"'), "a-commit")


def splice(store: S3Store) -> str:
    source = CopySource("t +", '"e0"', 8, 8 + LEAST_PART)
    return store.splice("t +", b"h" * LEAST_PART, source, b"tail", condition=IfAbsent(), commit="a-commit")


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
    wire: Wire, store: S3Store, write: Callable[[S3Store], Any]
) -> None:
    write(store)
    for headers in wire.headers:
        signed = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        says = {name.lower() for name in headers if name.lower().startswith(("x-amz-", "if-", "content-type", "host"))}
        assert says == set(signed)


@every_write
def test_over_a_plain_connection_the_body_is_signed(
    wire: Wire, store: S3Store, write: Callable[[S3Store], Any]
) -> None:
    write(store)
    assert [headers["x-amz-content-sha256"] for headers in wire.headers] == [
        sha256(body).hexdigest() for body in wire.bodies
    ]


@pytest.mark.parametrize("data", [b"", b"data", LONG, LONG[1:], LONG + b"1"], ids=len)
def test_a_put_sends_the_bytes_and_their_checksum(wire: Wire, store: S3Store, data: bytes) -> None:
    put(store, data)
    assert wire.bodies == [data]
    assert wire.headers[0]["x-amz-checksum-crc32"] == b64encode(crc32(data).to_bytes(4)).decode()


def test_a_put_sends_its_metadata_and_condition(wire: Wire, store: S3Store) -> None:
    put(store)
    sent = wire.headers[0]
    assert (sent["Content-Type"], sent["x-amz-meta-commit"]) == ("application/octet-stream", "a-commit")
    assert (sent["If-Match"], sent["If-None-Match"]) == ('"e0"', None)


def test_a_staged_object_is_deleted_unconditionally(wire: Wire, store: S3Store) -> None:
    store.discard(".staging/1")
    assert wire.requests == ["DELETE /bucket/pre%20fix/%C3%A4%2B%2541/.staging/1"]
    assert wire.headers[0]["If-Match"] is None


def test_the_source_of_a_copy_is_encoded_once(wire: Wire, store: S3Store) -> None:
    splice(store)
    copies = [headers["x-amz-copy-source"] for headers in wire.headers if "x-amz-copy-source" in headers]
    assert copies == ["bucket/pre%20fix/%C3%A4%2B%2541/t%20%2B.lhv1"]


def test_the_upload_id_is_sent_as_s3_returned_it(wire: Wire, store: S3Store) -> None:
    splice(store)
    assert {request.rpartition("=")[2] for request in wire.requests[1:]} == {"u%2F1%2B%26"}


def test_more_than_s3_accepts_in_one_put_is_refused_before_it_is_sent(wire: Wire, store: S3Store) -> None:
    endless: Any = np.broadcast_to(np.zeros(1, np.uint8), (5 << 30) + 1)  # one byte of memory
    with pytest.raises(StoreRefused, match="EntityTooLarge"):
        put(store, endless)
    assert wire.requests == []


def test_consecutive_writes_share_a_connection(wire: Wire, store: S3Store) -> None:
    for _ in range(3):
        put(store)
    assert len(set(wire.clients)) == 1


def test_a_body_that_is_not_read_is_unavailable(wire: Wire) -> None:
    wire.takes_bodies, wire.answer = False, hangs(wire)
    store, started = s3_store(wire.endpoint, "bucket", "_vectors", timeouts=Timeouts(connect=0.2)), monotonic()
    with pytest.raises(StoreUnavailable):
        put(store, b"x" * (64 << 20))
    assert monotonic() - started < Timeouts().read
    assert len(wire.requests) == 1


def test_a_long_body_may_be_sent_slowly(wire: Wire) -> None:
    def taken(handler: wires.BaseHTTPRequestHandler) -> None:
        for _ in range(32):
            wire.done.wait(0.05)
            handler.rfile.read(1 << 20)
        s3(handler)

    wire.takes_bodies, wire.answer = False, taken
    put(s3_store(wire.endpoint, "bucket", "_vectors", timeouts=Timeouts(connect=0.5)), b"x" * (32 << 20))


def test_a_damaged_body_is_unavailable(wire: Wire, store: S3Store) -> None:
    wire.answer = refuses(400, "BadDigest")
    with pytest.raises(StoreUnavailable):
        put(store)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_refused_and_not_followed(wire: Wire, store: S3Store, status: int) -> None:
    wire.answer = answers(status, Location=f"{wire.endpoint}/elsewhere")
    with pytest.raises(StoreRefused):
        put(store)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("answer", [answers(200, ETag=""), answers(204), answers(304)], ids=["no ETag", "204", "304"])
def test_a_foreign_response_is_not_a_success(wire: Wire, store: S3Store, answer: Answer) -> None:
    wire.answer = answer
    with pytest.raises((StoreUnavailable, StoreRefused)):
        put(store)


def test_over_tls_a_body_with_a_checksum_is_not_hashed_again(
    secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    secure.answer = s3
    splice(s3_store(secure.endpoint, "bucket", "_vectors"))
    unsigned = [headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD" for headers in secure.headers]
    assert unsigned == ["x-amz-checksum-crc32" in headers for headers in secure.headers]
    assert unsigned.count(True) == 2  # the head and the tail


def test_a_host_with_an_untrusted_certificate_receives_no_request(secure: Wire) -> None:
    with pytest.raises(StoreUnavailable):
        put(s3_store(secure.endpoint, "bucket", "_vectors"))
    assert secure.requests == []
