"""The emulated link: each request waits, bytes keep to the rate, and everything is counted."""

import socket
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from bench.s3.link import Counters, Link, Pace
from tools.proxy.server import proxy

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /b HTTP/1.1\r\nhost: x\r\nCONTENT-LENGTH: 5\r\n\r\nbytes"
CHUNKED = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n1;x=y\r\n!\r\n0\r\nx-sum: 1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_all_connections_together_keep_to_the_rate() -> None:
    pace = Pace(1_000_000.0)
    done = [pace.reserve(100.0, 250_000) for _ in range(8)]
    assert done[-1] == pytest.approx(102.0, abs=0.01)
    assert done == sorted(done)


def test_an_idle_link_does_not_save_its_rate_for_later() -> None:
    pace = Pace(1_000_000.0)
    pace.reserve(0.0, 1_000)
    assert pace.reserve(1_000.0, 500_000) == pytest.approx(1_000.5, abs=0.01)


def test_a_link_without_a_limit_passes_bytes_at_once() -> None:
    assert Pace(None).reserve(7.0, 1 << 40) == 7.0


class Clock:
    """Time that passes only by sleeping; `slept` is each sleep."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def _serve(listener: socket.socket, requests: Sequence[bytes]) -> None:
    """Accept one connection and answer each of the expected requests once it has arrived unchanged."""
    with listener, listener.accept()[0] as connection, connection.makefile("rb") as file:
        for request in requests:
            connection.sendall(ANSWER if file.read(len(request)) == request else b"HTTP/1.1 400 Changed\r\n\r\n")


def through_link(link: Link, clock: Clock, *requests: bytes) -> None:
    """Send requests over one connection through a link, and check each answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = threading.Thread(target=_serve, args=(listener, requests))
    server.start()
    with proxy(f"http://127.0.0.1:{listener.getsockname()[1]}", clock) as proxied:
        proxied.choose = lambda _: link.carry
        where = urlsplit(proxied.endpoint)
        with socket.create_connection((where.hostname, where.port)) as connection, connection.makefile("rb") as file:
            for request in requests:
                connection.sendall(request)
                assert file.read(len(ANSWER)) == ANSWER
            connection.shutdown(socket.SHUT_WR)
            assert file.read() == b""
    server.join()


def test_each_request_of_a_kept_connection_is_delayed_once_and_counted() -> None:
    clock = Clock()
    link = Link(None, 0.025, clock, clock.sleep)
    through_link(link, clock, GET, PUT, CHUNKED, GET)
    assert clock.slept == pytest.approx([0.025] * 4)
    sent = 2 * len(GET) + len(PUT) + len(CHUNKED)
    assert link.take() == Counters(requests=4, sent=sent, received=4 * len(ANSWER))


def test_a_large_body_is_paced_in_its_direction() -> None:
    clock = Clock()
    link = Link(1_000_000.0, 0.0, clock, clock.sleep)
    body = bytes(3_000_000)
    put = b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    through_link(link, clock, put)
    assert clock.now == pytest.approx(3.0, rel=0.01)
    counted = link.take()
    assert (counted.requests, counted.sent) == (1, len(put))


def test_counters_are_reset_when_they_are_taken() -> None:
    clock = Clock()
    link = Link(None, 0.0, clock, clock.sleep)
    through_link(link, clock, GET)
    assert (link.take().requests, link.take()) == (1, Counters())


def test_a_client_whose_length_is_not_a_number_is_cut_off() -> None:
    clock = Clock()
    link = Link(None, 0.0, clock, clock.sleep)
    with proxy("http://127.0.0.1:1", clock) as proxied:
        proxied.choose = lambda _: link.carry
        where = urlsplit(proxied.endpoint)
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
            assert connection.recv(1) == b""
