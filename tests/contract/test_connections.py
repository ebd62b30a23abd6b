"""Requests over connections that are kept, on real sockets: which are, and what is told where no answer comes."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import monotonic, sleep

import pytest

from tests.support import wire as wires
from tests.support.wire import Answer, Wire, answers, hangs, in_turn, resets, slowly, truncates
from vectord.storage.s3 import connections
from vectord.storage.s3.connections import Broken, Connections, Unsent


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wires.wire() as wired:
        yield wired


def to(wire: Wire, keep: int = 4, connect: float = 1.0) -> Connections:
    return Connections(wire.endpoint, keep, connect)


def get(to: Connections, target: str = "/", *, read: float = 5.0, until: float | None = None) -> connections.Answer:
    return to.ask("GET", target, {}, read=read, until=until)


def test_an_answer_is_told_as_it_was_sent(wire: Wire) -> None:
    wire.answer = answers(418, b"tea", **{"X-Kind": "Earl Grey", "Content-Encoding": "gzip"})
    answer = get(to(wire))
    assert (answer.status, answer.headers["x-kind"], answer.data) == (418, "Earl Grey", b"tea")


def test_requests_go_over_one_connection_after_the_other(wire: Wire) -> None:
    many = to(wire)
    for _ in range(3):
        get(many)
    assert len(set(wire.clients)) == 1


def test_requests_side_by_side_have_a_connection_each_of_which_some_are_kept(wire: Wire) -> None:
    many, all_there = to(wire, keep=2), Barrier(5)

    def answer(handler: wires.BaseHTTPRequestHandler) -> None:
        all_there.wait(5)
        answers(200)(handler)

    wire.answer = answer
    for _ in range(2):
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda _: get(many), range(5)))
    assert len(set(wire.clients)) == 5 + 3


def hangs_up(handler: wires.BaseHTTPRequestHandler) -> None:
    """Close a connection after its answer, without a word of it."""
    answers(200)(handler)
    handler.close_connection = True


def says_it_closes(handler: wires.BaseHTTPRequestHandler) -> None:
    answers(200, Connection="close")(handler)


def says_too_much(handler: wires.BaseHTTPRequestHandler) -> None:
    """Send what looks like an answer to the next request."""
    answers(200)(handler)
    sleep(0.02)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")


@pytest.mark.parametrize("first", [hangs_up, says_it_closes, says_too_much])
def test_a_connection_that_cannot_be_trusted_is_not_used_again(wire: Wire, first: Answer) -> None:
    wire.answer, many = in_turn(first, answers(200, b"right")), to(wire)
    get(many)
    sleep(0.1)  # what the other side did after its answer is on its way
    assert get(many).data == b"right"
    assert len(set(wire.clients)) == 2


@pytest.mark.parametrize(
    "broken",
    [resets, truncates(b"half", missing=4), lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")],
    ids=["no answer", "half a body", "half a head"],
)
def test_half_an_answer_is_none_and_the_next_request_has_another_connection(wire: Wire, broken: Answer) -> None:
    def ends(handler: wires.BaseHTTPRequestHandler) -> None:
        broken(handler)
        handler.close_connection = True

    wire.answer, many = in_turn(answers(200), ends, answers(200, b"whole")), to(wire)
    get(many)
    with pytest.raises(Broken):
        get(many)
    assert get(many).data == b"whole"


def test_a_head_that_does_not_say_how_long_the_body_is_was_cut(wire: Wire) -> None:
    def answer(handler: wires.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "ha')
        handler.close_connection = True

    wire.answer = answer
    with pytest.raises(Broken):
        get(to(wire))


def test_a_silent_host_is_waited_for_so_long(wire: Wire) -> None:
    wire.answer, started = hangs(wire), monotonic()
    with pytest.raises(Broken):
        get(to(wire), read=0.1)
    assert monotonic() - started < 1


def test_a_slow_answer_is_waited_for_until_a_moment(wire: Wire) -> None:
    wire.answer = slowly(b"done", pieces=3, seconds=0.02)
    assert get(to(wire), until=monotonic() + 5).data.endswith(b"done")
    wire.answer = slowly(b"done", pieces=300, seconds=0.02)
    with pytest.raises(Broken):
        get(to(wire), until=monotonic() + 0.1)


def test_a_slow_answer_that_ends_early_is_half_of_one(wire: Wire) -> None:
    wire.answer = truncates(b"half", missing=4)
    with pytest.raises(Broken):
        get(to(wire), until=monotonic() + 5)


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Unsent):
        get(Connections(f"http://127.0.0.1:{port}", 1, 1.0))


def test_a_refusal_that_comes_before_the_body_is_taken_is_read(wire: Wire) -> None:
    wire.takes_bodies = False

    def refuses(handler: wires.BaseHTTPRequestHandler) -> None:
        answers(412, b"no")(handler)
        handler.close_connection = True

    def pieces() -> Iterator[memoryview]:
        for _ in range(8):
            yield memoryview(bytes(1 << 16))
            sleep(0.02)  # time to hang up in

    wire.answer = refuses
    answer = to(wire).ask("PUT", "/", {"content-length": str(8 << 16)}, pieces(), read=5)
    assert (answer.status, answer.data) == (412, b"no")


def test_many_connections_over_tls_read_the_machines_certificates_once(
    secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    made, make = [], ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    many = to(secure)
    get(many)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: get(many), range(16)))
    assert len(set(secure.clients)) > 1
    assert len(made) == 1


def test_a_connection_over_tls_is_kept_as_well(
    secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    many = to(secure)
    for _ in range(3):
        get(many)
        sleep(0.02)  # what TLS itself has to say has come by now
    assert len(set(secure.clients)) == 1
