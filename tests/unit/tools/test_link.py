"""The emulated link: where requests begin, when bytes pass, and what is counted."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.link import Counters, Link, Pace
from bench.messages import Messages, NotHttp

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /b HTTP/1.1\r\nhost: x\r\nCONTENT-LENGTH: 5\r\n\r\nbytes"
CHUNKED = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n1;x=y\r\n!\r\n0\r\nx-sum: 1\r\n\r\n"
Connect = Callable[[], Awaitable[socket.socket]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@given(
    st.lists(st.sampled_from([GET, PUT, CHUNKED]), min_size=1, max_size=5),
    st.lists(st.integers(1, 400), max_size=20, unique=True),
)
def test_requests_begin_where_they_do_however_the_bytes_are_cut(requests: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(requests)
    ends = sorted(cut for cut in cuts if cut < len(whole))
    messages, pieces = Messages(), []
    for start, stop in zip([0, *ends], [*ends, len(whole)], strict=True):
        pieces += messages.feed(whole[start:stop])
    assert b"".join(piece for piece, _ in pieces) == whole
    begun, at = [], 0
    for piece, begins in pieces:
        begun += [at] if begins else []
        at += len(piece)
    assert begun == [sum(map(len, requests[:n])) for n in range(len(requests))]


@pytest.mark.parametrize(
    "bytes_", [b"PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"x" * 70_000], ids=["no number", "no end"]
)
def test_what_is_no_request_is_refused(bytes_: bytes) -> None:
    with pytest.raises(NotHttp):
        list(Messages().feed(bytes_))


def test_all_connections_together_keep_to_the_rate() -> None:
    pace = Pace(1_000_000.0)
    done = [pace.reserve(100.0, 250_000) for _ in range(8)]
    assert done[-1] == pytest.approx(102.0, abs=0.01)
    assert done == sorted(done)


def test_an_idle_link_saves_no_rate_up() -> None:
    pace = Pace(1_000_000.0)
    pace.reserve(0.0, 1_000)
    assert pace.reserve(1_000.0, 500_000) == pytest.approx(1_000.5, abs=0.01)


def test_a_link_without_a_bound_lets_bytes_pass_at_once() -> None:
    assert Pace(None).reserve(7.0, 1 << 40) == 7.0


class Clock:
    """Time that passes only by sleeping; `slept` is each sleep that a request or bytes asked for."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a store that answers each request, of any of the three kinds, by two bytes."""
    messages = Messages()
    while data := await reader.read(1 << 16):
        for _, begins in messages.feed(data):
            if begins:
                writer.write(ANSWER)
    writer.close()


@asynccontextmanager
async def linked(rate: float | None, delay: float) -> AsyncIterator[tuple[Link, Clock, Connect]]:
    """Run a link before a store, and give what connects to it."""
    loop, clock, tasks = asyncio.get_running_loop(), Clock(), []
    store = await asyncio.start_server(_answer, "127.0.0.1", 0)
    link = Link(store.sockets[0].getsockname()[:2], Pace(rate), Pace(rate), delay, clock=clock, sleep=clock.sleep)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        async def connect() -> socket.socket:
            near = socket.create_connection(server.getsockname())
            near.setblocking(False)
            tasks.append(asyncio.create_task(link.serve((await loop.sock_accept(server))[0])))
            return near

        try:
            yield link, clock, connect
        finally:
            await asyncio.gather(*tasks)
            store.close()
            await store.wait_closed()


async def _ask(connection: socket.socket, request: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, request)
    answer = b""
    while len(answer) < len(ANSWER):
        answer += await loop.sock_recv(connection, 1 << 16)
    return answer


def test_each_request_of_a_kept_connection_is_delayed_once_and_counted() -> None:
    async def scenario() -> tuple[list[float], Counters]:
        async with linked(rate=None, delay=0.025) as (link, clock, connect):
            with await connect() as connection:
                for request in (GET, PUT, CHUNKED, GET):
                    assert await _ask(connection, request) == ANSWER
            return clock.slept, link.take()

    slept, counted = asyncio.run(scenario())
    assert slept == [0.025] * 4
    sent = 2 * len(GET) + len(PUT) + len(CHUNKED)
    assert counted == Counters(requests=4, sent=sent, received=4 * len(ANSWER))


def test_a_large_body_takes_its_time_in_the_direction_it_goes() -> None:
    body = bytes(3_000_000)
    put = b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def scenario() -> tuple[float, Counters]:
        async with linked(rate=1_000_000.0, delay=0.0) as (link, clock, connect):
            with await connect() as connection:
                await _ask(connection, put)
            return clock.now, link.take()

    taken, counted = asyncio.run(scenario())
    assert taken == pytest.approx(3.0, rel=0.01)
    assert (counted.requests, counted.sent) == (1, len(put))


def test_counters_start_anew_when_they_are_taken() -> None:
    async def scenario() -> tuple[Counters, Counters]:
        async with linked(rate=None, delay=0.0) as (link, _, connect):
            with await connect() as connection:
                await _ask(connection, GET)
                first = link.take()
                return first, link.take()

    first, second = asyncio.run(scenario())
    assert (first.requests, second) == (1, Counters())


def test_a_client_that_sends_no_http_is_cut_off() -> None:
    async def scenario() -> bytes:
        async with linked(rate=None, delay=0.0) as (_, _, connect):
            with await connect() as connection:
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(connection, b"PUT / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
                return await loop.sock_recv(connection, 1)

    assert asyncio.run(scenario()) == b""
