"""Connections of obstore (reads) and boto3 (writes) on real sockets: which are used again; no request is sent twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier
from time import sleep
from typing import Any

import pytest

from tests.support import http_server
from tests.support.backends import s3_store
from tests.support.http_server import Answer, ScriptedServer, answers, in_turn, resets, truncates
from vectord.errors import ConditionFailed, StoreUnavailable
from vectord.storage.base import IfAbsent, IfMatch, StoredObject
from vectord.storage.s3.store import S3Store

Call = Callable[[S3Store], Any]

CALLS: dict[str, Call] = {
    "read": lambda store: store.get("t"),
    "write": lambda store: store.put("t", b"data", IfMatch('"e0"'), "a-commit"),
}
read_and_write = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@read_and_write
def test_consecutive_requests_share_a_connection(server: ScriptedServer, store: S3Store, call: Call) -> None:
    for _ in range(3):
        call(store)
        sleep(0.05)  # obstore takes a connection back in the background
    assert len(set(server.clients)) == 1


def test_parallel_reads_keep_their_connections(server: ScriptedServer, store: S3Store) -> None:
    together = Barrier(5)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        together.wait(5)
        answers(200)(handler)

    server.answer = answer
    for _ in range(6):
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda _: store.get("t"), range(5)))
        sleep(0.05)  # obstore takes a connection back in the background, perhaps too late for one of the reads
    assert 5 <= len(set(server.clients)) <= 10


def test_a_body_is_not_decoded(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(200, b"not gzip", **{"Content-Encoding": "gzip"})
    assert store.get("t") == StoredObject(b"not gzip", '"e1"')


def test_a_machine_without_certificate_authorities_can_read(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    server.answer = answers(200, b"data")
    assert s3_store(server.endpoint, "bucket", "_vectors").get("t") == StoredObject(b"data", '"e1"')


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection after the response, without announcing it."""
    answers(200)(handler)
    handler.close_connection = True


def says_it_closes(handler: BaseHTTPRequestHandler) -> None:
    answers(200, Connection="close")(handler)


def says_too_much(handler: BaseHTTPRequestHandler) -> None:
    """Send what looks like the response to the next request."""
    answers(200)(handler)
    sleep(0.02)
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "wrong"\r\nContent-Length: 5\r\n\r\nwrong')


@read_and_write
@pytest.mark.parametrize("first", [hangs_up, says_it_closes, says_too_much])
def test_a_connection_in_an_uncertain_state_is_not_reused(
    server: ScriptedServer, store: S3Store, call: Call, first: Answer
) -> None:
    server.answer = in_turn(first, answers(200, ETag='"right"'))
    call(store)
    sleep(0.1)  # what the server did after its response is on its way
    assert call(store) in ('"right"', StoredObject(b"", '"right"'))
    assert (len(set(server.clients)), len(server.requests)) == (2, 2)


def half_a_head(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "ha')


def a_head_without_a_length(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "e1"\r\n')


def nothing(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection after the request."""


BROKEN = {
    "a reset": resets,
    "nothing": nothing,
    "half a head": half_a_head,
    "a head without a length": a_head_without_a_length,
    "half a body": truncates(b"half", missing=4),
}


@pytest.mark.slow
@read_and_write
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_request_over_a_used_connection_is_sent_once_and_an_incomplete_response_is_an_error(
    server: ScriptedServer, store: S3Store, call: Call, broken: Answer
) -> None:
    def ends(handler: BaseHTTPRequestHandler) -> None:
        broken(handler)
        handler.close_connection = True

    server.answer = in_turn(answers(200), ends, answers(200))
    call(store)
    sleep(0.05)
    with pytest.raises(StoreUnavailable):
        call(store)
    assert (len(server.requests), len(set(server.clients))) == (2, 1)
    call(store)  # over another connection
    assert (len(server.requests), len(set(server.clients))) == (3, 2)


def test_a_refusal_before_the_whole_body_was_read_is_understood(server: ScriptedServer, store: S3Store) -> None:
    server.takes_bodies = False

    def refuses(handler: BaseHTTPRequestHandler) -> None:
        http_server.refuses(412, "PreconditionFailed")(handler)
        handler.close_connection = True
        sleep(0.2)  # the client fills the buffers meanwhile

    server.answer = refuses
    with pytest.raises((ConditionFailed, StoreUnavailable)):  # a reset may overtake the response
        store.put("t", bytes(4 << 20), IfAbsent(), "a-commit")
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_reads_over_tls_share_a_connection(
    secure: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    bundle = str(certificate) if variable == "AWS_CA_BUNDLE" else None
    store = s3_store(secure.endpoint, "bucket", "_vectors", ca_bundle=bundle)
    for _ in range(3):
        store.get("t")
        sleep(0.05)
    assert len(set(secure.clients)) == 1


@read_and_write
def test_a_host_with_an_untrusted_certificate_receives_no_request(secure: ScriptedServer, call: Call) -> None:
    with pytest.raises(StoreUnavailable):
        call(s3_store(secure.endpoint, "bucket", "_vectors"))
    assert secure.requests == []
