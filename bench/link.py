"""The link from S3, emulated: a proxy in a process of its own that delays requests, bounds the rate, and counts.

`python -m bench.link HOST:PORT` listens on a free port of loopback and prints `{"port": ..., "control": ...}`. What it
gets there goes on to HOST:PORT. The control port takes one JSON object a line (see `Control`). What is emulated:

- each request waits for `delay` seconds before it goes on, every one on a kept-alive connection too;
- in each direction all connections together pass `rate` bytes a second;
- no slow start, no loss, no TLS.
"""

import argparse
import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from bench.messages import Messages, NotHttp

HOST = "127.0.0.1"
RATE = 75_000_000.0
DELAY = 0.025
_PIECE = 1 << 18  # bytes at a time
_BURST = 0.002  # seconds of the rate that an idle link gives at once: about what a sleep is late


@dataclass
class Pace:
    """When bytes may pass, so that all together keep to `rate` bytes a second (None: no bound)."""

    rate: float | None
    _free: float = 0.0

    def reserve(self, now: float, count: int) -> float:
        """Return the time at which `count` bytes asked for at `now` have passed."""
        if self.rate is None:
            return now
        self._free = max(self._free, now - _BURST) + count / self.rate
        return self._free


@dataclass
class Counters:
    """What passed: requests, bytes sent to the store and bytes received from it, heads included."""

    requests: int = 0
    sent: int = 0
    received: int = 0


@dataclass
class Link:
    """The proxy's state: both directions' paces, the delay of a request in seconds, and what was counted."""

    target: tuple[str, int]
    up: Pace
    down: Pace
    delay: float
    counters: Counters = field(default_factory=Counters)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def passed(self, pace: Pace, count: int) -> None:
        now = self.clock()
        wait = pace.reserve(now, count) - now
        if wait > 0:
            await self.sleep(wait)

    async def serve(self, client: socket.socket) -> None:
        """Carry one connection until either side closes it."""
        loop = asyncio.get_running_loop()
        with client, socket.socket() as store:
            for side in (client, store):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await loop.sock_connect(store, self.target)
            except OSError:
                return
            ways = {
                asyncio.create_task(self._requests(client, store)),
                asyncio.create_task(self._answers(store, client)),
            }
            # Who closes first ends both: a store that closes after an answer, a client that was killed.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    async def _requests(self, client: socket.socket, store: socket.socket) -> None:
        loop, messages = asyncio.get_running_loop(), Messages()
        with suppress(OSError, NotHttp):  # either ends the connection
            while data := await loop.sock_recv(client, _PIECE):
                for piece, begins in messages.feed(data):
                    if begins:
                        self.counters.requests += 1
                        if self.delay:
                            await self.sleep(self.delay)
                    await self.passed(self.up, len(piece))
                    self.counters.sent += len(piece)
                    await loop.sock_sendall(store, piece)

    async def _answers(self, store: socket.socket, client: socket.socket) -> None:
        loop, buffer = asyncio.get_running_loop(), memoryview(bytearray(_PIECE))
        with suppress(OSError):
            while count := await loop.sock_recv_into(store, buffer):
                await self.passed(self.down, count)
                self.counters.received += count
                await loop.sock_sendall(client, buffer[:count])

    def take(self) -> Counters:
        """Return what was counted since the last time, and count anew."""
        taken, self.counters = self.counters, Counters()
        return taken

    def limit(self, rate: float | None, delay: float) -> None:
        self.up, self.down, self.delay = Pace(rate), Pace(rate), delay


class Control:
    """The control port: each line answers the counters and resets them; `{"rate": r, "delay": s}` sets limits first."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = json.loads(line)
            if "delay" in command:
                self._link.limit(command["rate"], command["delay"])
            writer.write(json.dumps(asdict(self._link.take())).encode() + b"\n")
            await writer.drain()
        writer.close()


async def run(link: Link) -> None:
    loop, control = asyncio.get_running_loop(), Control(link)
    connections: set[asyncio.Task[None]] = set()
    with socket.create_server((HOST, 0), backlog=256) as server:
        server.setblocking(False)
        controls = await asyncio.start_server(control.serve, HOST, 0)
        ports = {"port": server.getsockname()[1], "control": controls.sockets[0].getsockname()[1]}
        print(json.dumps(ports), flush=True)
        while True:
            client, _ = await loop.sock_accept(server)
            task = loop.create_task(link.serve(client))
            connections.add(task)
            task.add_done_callback(connections.discard)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.link", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", help="HOST:PORT of the store")
    parser.add_argument("--rate", type=float, default=RATE, help="bytes a second in each direction; 0: no bound")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds that each request waits")
    options = parser.parse_args()
    host, _, port = options.target.rpartition(":")
    rate = options.rate or None
    asyncio.run(run(Link((host, int(port)), Pace(rate), Pace(rate), options.delay)))


if __name__ == "__main__":
    main()
