"""Connections are kept, shared by threads, and replaced when the server has closed them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from vectord_client import AsyncClient, Client, RetryPolicy
from vectord_client.async_session import AsyncSession, InThreads
from vectord_client.errors import ConnectionFailed
from vectord_client.session import Session
from vectord_client.wire import counts
from vectord_client.wire.request import Request, Response


class Counting(ThreadingHTTPServer):
    """Counts its connections; with `hangs_up` it closes each after an answer that promised to keep it."""

    daemon_threads = True
    connections = 0
    hangs_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"count": 7}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.hangs_up

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), _Handler) as counting:
        thread = Thread(target=counting.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield counting
        counting.shutdown()
        thread.join()


def test_requests_share_a_connection(server: Counting) -> None:
    with Client(server.url) as client:
        assert [client.index("films").count() for _ in range(20)] == [7] * 20
    assert server.connections == 1


async def test_asynchronous_requests_share_a_connection(server: Counting) -> None:
    async with AsyncClient(server.url) as client:
        assert [await client.index("films").count() for _ in range(20)] == [7] * 20
    assert server.connections == 1


def test_threads_share_the_connections_of_a_client(server: Counting) -> None:
    with Client(server.url) as client, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: client.index("films").count(), range(60))) == [7] * 60
    assert server.connections <= 4


async def test_requests_side_by_side_have_connections_of_their_own(server: Counting) -> None:
    async with AsyncClient(server.url) as client:
        assert await asyncio.gather(*(client.index("films").count() for _ in range(40))) == [7] * 40
    assert 1 < server.connections <= 40


def test_a_connection_that_the_server_closed_is_replaced(server: Counting) -> None:
    server.hangs_up = True
    with Client(server.url, retries=RetryPolicy(base_seconds=0.001)) as client:
        assert [client.index("films").count() for _ in range(10)] == [7] * 10
    assert server.connections == 10


class Away:
    """A transport to a host that answers, is away for some requests, and answers again."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, _request: Request, _timeout: float) -> Response:
        self.sent += 1
        if 1 < self.sent < 8:
            raise ConnectionFailed("refused")
        return Response(200, {}, b'{"count": 7}')

    def close(self) -> None:
        """Nothing is open."""


async def test_a_host_that_is_away_after_it_answered_is_tried_until_it_is_back() -> None:
    policy = RetryPolicy(connect_attempts=2, base_seconds=0.001)
    session = Session(Away(), policy, 60.0)
    coroutines = AsyncSession(InThreads(Away()), policy, 60.0)
    count = counts.count("films")
    assert [session.run(count), session.run(count)] == [7, 7]
    assert [await coroutines.run(count), await coroutines.run(count)] == [7, 7]
