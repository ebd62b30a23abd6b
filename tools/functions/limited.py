"""Lambda's Invoke API on loopback, with a limit on concurrent executions; the functions run in threads of this process.

Each execution has an instance of its function to itself, as on Lambda: an idle one, or else a new one. Beyond the limit
the answer is the one that Lambda gives: 429, TooManyRequestsException.
"""

import json
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

type Handler = Callable[[Any, object], Any]

_ROUTE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_BACKLOG: Final = 256  # connections that wait to be accepted
_REFUSAL: Final = {
    "Reason": "ConcurrentInvocationLimitExceeded",
    "Type": "User",
    "message": "Rate Exceeded.",
}


class TooMany(Exception):
    """Too many executions are going on; the function did not run."""


class _Context:
    """Lambda's context object of one execution."""

    def __init__(self, function: str, seconds: float) -> None:
        self.function_name, self.aws_request_id = function, str(uuid.uuid4())
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


class LimitedFunctions:
    """Functions by name, each with a function that makes its instances; at most `limit` executions at once.

    An execution may take `seconds`; it is not stopped then. `executions` and `throttled` count, `most` is the largest
    number of executions at once.
    """

    def __init__(self, limit: int, functions: Mapping[str, Callable[[], Handler]], seconds: float = 29.0) -> None:
        self.limit, self.executions, self.throttled, self.most = limit, 0, 0, 0
        self._functions, self._seconds = functions, seconds
        self._running, self._lock = 0, Lock()
        self._idle: dict[str, list[Handler]] = defaultdict(list)

    def invoke(self, name: str, event: Any) -> Any:
        """Run a function as API Gateway does, and return what it returns.

        Raises:
            TooMany
        """
        with self._execution(name) as handler:
            return handler(event, _Context(name, self._seconds))

    @contextmanager
    def _execution(self, name: str) -> Iterator[Handler]:
        with self._lock:
            if self._running >= self.limit:
                self.throttled += 1
                raise TooMany
            self._running += 1
            self.executions, self.most = self.executions + 1, max(self.most, self._running)
            instance = self._idle[name].pop() if self._idle[name] else None
        try:
            instance = instance or self._functions[name]()
            yield instance
        finally:
            with self._lock:
                self._running -= 1
                if instance is not None:
                    self._idle[name].append(instance)

    def answer(self, name: str, event: Any) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer to an Invoke request."""
        try:
            return 200, {}, json.dumps(self.invoke(name, event)).encode()
        except TooMany:
            return 429, {"x-amzn-ErrorType": "TooManyRequestsException"}, json.dumps(_REFUSAL).encode()
        except Exception as error:  # noqa: BLE001  Lambda reports whatever a function raises
            failed = {"errorMessage": str(error), "errorType": type(error).__name__}
            return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(failed).encode()


class _Server(ThreadingHTTPServer):
    request_queue_size = _BACKLOG
    daemon_threads = True


@contextmanager
def served(functions: LimitedFunctions) -> Iterator[str]:
    """Serve the Invoke API of functions inside the block; yield its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = _ROUTE.fullmatch(self.path)
            status, headers, body = functions.answer(found[1], event) if found else (404, {}, b"{}")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
