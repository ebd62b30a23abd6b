"""The emulated link to S3: a proxy in a process of its own that delays requests, limits the rate, and counts bytes.

`python -m bench.s3.link URL` puts it in front of the server at URL and prints `{"endpoint": ..., "control": ...}`. The
control port reads one JSON object a line and answers each with the counters since the last line; `{"rate": r, "delay":
s}` sets the limits first. The emulation:

- each request waits for `delay` seconds, on a kept-alive connection too;
- in each direction, all connections together transfer at most `rate` bytes a second;
- no slow start, no packet loss, no TLS.
"""

import argparse
import json
import socketserver
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock

from tools.proxy.exchange import Exchange
from tools.proxy.server import Behaviour, proxy

HOST = "127.0.0.1"
RATE = 75_000_000.0  # bytes a second
DELAY = 0.025  # seconds
_BURST = 0.002  # seconds of the rate that an idle link passes at once: about the inaccuracy of a sleep


class Pace:
    """When bytes may be sent so that all connections together stay within `rate` bytes a second (None: no limit)."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._free, self._lock = rate, 0.0, Lock()

    def reserve(self, now: float, count: int) -> float:
        """Return the time at which `count` bytes that are ready at `now` have passed."""
        if self._rate is None:
            return now
        with self._lock:
            self._free = max(self._free, now - _BURST) + count / self._rate
            return self._free


@dataclass
class Counters:
    """Requests, bytes sent to the server, bytes received from it; heads are included."""

    requests: int = 0
    sent: int = 0
    received: int = 0


class Link:
    """The limits of both directions, and what was transferred."""

    def __init__(
        self,
        rate: float | None,
        delay: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep, self._lock = clock, sleep, Lock()
        self._counters = Counters()
        self.limit(rate, delay)

    def limit(self, rate: float | None, delay: float) -> None:
        """Set the rate in bytes a second (None: no limit) and the delay of a request in seconds."""
        self._up, self._down, self._delay = Pace(rate), Pace(rate), delay

    def take(self) -> Counters:
        """Return the counters and reset them."""
        with self._lock:
            taken, self._counters = self._counters, Counters()
        return taken

    def carry(self, exchange: Exchange) -> None:
        """Relay one exchange within the limits."""
        with self._lock:
            self._counters.requests += 1
        self._wait_until(exchange.arrived + self._delay)
        exchange.relay(self._sent, self._received)

    def _sent(self, count: int) -> None:
        self._wait_until(self._up.reserve(self._clock(), count))
        with self._lock:
            self._counters.sent += count

    def _received(self, count: int) -> None:
        self._wait_until(self._down.reserve(self._clock(), count))
        with self._lock:
            self._counters.received += count

    def _wait_until(self, moment: float) -> None:
        wait = moment - self._clock()
        if wait > 0:
            self._sleep(wait)


def _serve_control(link: Link) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                command = json.loads(line)
                if "delay" in command:
                    link.limit(command["rate"], command["delay"])
                self.wfile.write(json.dumps(asdict(link.take())).encode() + b"\n")

    return socketserver.ThreadingTCPServer((HOST, 0), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.s3.link", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("server", help="URL of the server behind the link")
    parser.add_argument("--rate", type=float, default=RATE, help="bytes a second in each direction; 0: no limit")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds that each request waits")
    options = parser.parse_args()
    link = Link(options.rate or None, options.delay)
    behaviour: Behaviour = link.carry
    with proxy(options.server) as proxied, _serve_control(link) as control:
        proxied.choose = lambda _: behaviour
        print(json.dumps({"endpoint": proxied.endpoint, "control": control.server_address[1]}), flush=True)
        control.serve_forever()


if __name__ == "__main__":
    main()
