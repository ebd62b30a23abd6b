"""An endpoint for Lambda's `Invoke` that queues the events for the compact function, and a thread that runs them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Final

from bench.s3.link import HOST

FUNCTION: Final = "compact"


class Invocations:
    """The queue of the compact function; while it is paused, no event starts."""

    def __init__(self, run: Callable[[str], None]) -> None:
        """Call `run` with the name of the index of each event, in a thread, one after the other."""
        self._run, self._changed = run, Condition()
        self._names: list[str] = []
        self._busy = self._paused = self._ended = False

    def put(self, name: str) -> None:
        with self._changed:
            self._names.append(name)
            self._changed.notify_all()

    def pause(self) -> None:
        """Keep the events that come from now on, and wait for the one that is running."""
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: not self._busy)

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until no event is left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._names and not self._busy)

    def forget(self) -> None:
        """Drop the events that have not started."""
        with self._changed:
            self._names.clear()

    def work(self) -> None:
        """Run events until the end."""
        while (name := self._next()) is not None:
            self._run(name)

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> str | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended or (self._names and not self._paused))
            if self._ended:
                return None
            self._busy = True
            return self._names.pop(0)


@contextmanager
def serving(invocations: Invocations) -> Iterator[str]:
    """Run the endpoint and the thread; yield the URL of the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            invocations.put(json.loads(body)["index"])
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threads = [Thread(target=server.serve_forever, daemon=True), Thread(target=invocations.work, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        invocations.end()
        server.shutdown()
        server.server_close()
