"""Trace requests through the real handlers: `make trace` prints the calls and modules that each of them takes.

The handlers in functions/ get real events; moto answers as S3 on loopback. Only Python functions of this repository
count. Library code between them does not, but our own code that a library or a thread calls does.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import logging
import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import boto3
from moto.server import ThreadedMotoServer

from tools.command.console import table

ROOT: Final = Path(__file__).resolve().parents[2]
ROOTS: Final = (f"{ROOT / 'layers' / 'vectord'}/", f"{ROOT}/")  # what a module's path is relative to

_REGION: Final = "us-east-1"
_BUCKET: Final = "vectord-trace"
_INBOX: Final = "vectord-trace-inbox"
_DIMENSION: Final = 32
_ROWS: Final = 200  # of the index, and so many more than a request adds that it has a graph
_ADDED: Final = 3
_TRACED: Final = 3

type Handler = Callable[[Mapping[str, Any], object], Any]
type Event = Mapping[str, Any]


class Call(NamedTuple):
    """A call of one of our functions; `depth` counts those of our frames that wait for it."""

    module: str
    function: str
    depth: int
    thread: int


class Figures(NamedTuple):
    """Figures of a trace: `switches` counts calls into another module than the call before, `depth` levels below."""

    calls: int
    modules: int
    switches: int
    depth: int


class Context:
    """Lambda's context of an invocation."""

    aws_request_id = "trace"
    function_name = "trace"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def figures(calls: Iterable[Call]) -> Figures:
    """Return the figures of a trace."""
    listed = list(calls)
    return Figures(
        len(listed),
        len({call.module for call in listed}),
        sum(switches_of(listed).values()),
        max(call.depth for call in listed),
    )


def switches_of(calls: Iterable[Call]) -> Counter[str]:
    """Return how often each module is entered from another one."""
    entered: Counter[str] = Counter()
    last: dict[int, str] = {}
    for call in calls:
        if last.get(call.thread, call.module) != call.module:
            entered[call.module] += 1
        last[call.thread] = call.module
    return entered


@contextlib.contextmanager
def recording() -> Iterator[list[Call]]:
    """Record the calls of our functions inside the block, in every thread."""
    calls: list[Call] = []
    depths: Counter[int] = Counter()

    def on_event(frame: FrameType, event: str, _: object) -> None:
        module = _module(frame.f_code.co_filename) if event in {"call", "return"} else None
        if module is None:
            return
        thread = threading.get_ident()
        if event == "call":
            calls.append(Call(module, frame.f_code.co_name, depths[thread], thread))
        depths[thread] += 1 if event == "call" else -1

    threading.setprofile_all_threads(on_event)
    try:
        yield calls
    finally:
        threading.setprofile_all_threads(None)


def _module(filename: str) -> str | None:
    """Return the path of one of our modules; None for a library, or for this tool."""
    layer, root = ROOTS
    if filename.startswith(layer):
        return filename.removeprefix(layer)
    return filename.removeprefix(root) if filename.startswith(f"{root}functions/") else None


class Requests:
    """The requests to trace, over an index `t` that is in S3 and in the functions' caches."""

    def __init__(self, s3: Any) -> None:
        self._s3, self._random, self._rows = s3, random.Random(1), 0
        self._handlers = {name: _handler(name) for name in ("create", "add", "search", "ingest")}
        self._send("create", _event("POST /indexes", {}, {"name": "t", "dimension": _DIMENSION}))
        self._send("add", self._batch(_ROWS))
        self._requests: dict[str, tuple[str, Callable[[], Event]]] = {
            "warm search": ("search", self._search),
            "filtered search": ("search", lambda: self._search(filter={"n": {"$gte": 1}})),
            "add": ("add", lambda: self._batch(_ADDED)),
            "ingested file": ("ingest", self._upload),
        }

    def traces(self) -> dict[str, list[Call]]:
        """Return the calls of each request, as its function handles it when it is warm."""
        return {name: self._trace(*request) for name, request in self._requests.items()}

    def _trace(self, function: str, event: Callable[[], Event]) -> list[Call]:
        """Return the calls of the shortest of a few requests, because a writer looks for others now and then."""
        self._send(function, event())
        traces = []
        for _ in range(_TRACED):
            traced = event()
            with recording() as calls:
                self._send(function, traced)
            traces.append(calls)
        return min(traces, key=len)

    def _send(self, function: str, event: Event) -> None:
        answer = self._handlers[function](event, Context())
        if answer.get("statusCode", 200) >= 300 or answer.get("batchItemFailures"):
            raise RuntimeError(f"{function} answered {answer}")

    def _vector(self) -> list[float]:
        return [self._random.uniform(-1, 1) for _ in range(_DIMENSION)]

    def _entries(self, count: int) -> list[dict[str, Any]]:
        self._rows += count
        return [
            {"id": f"row-{row}", "vector": self._vector(), "metadata": {"n": row}}
            for row in range(self._rows - count, self._rows)
        ]

    def _batch(self, count: int) -> Event:
        return _event("POST /indexes/{name}/vectors", {"name": "t"}, {"vectors": self._entries(count)})

    def _search(self, **more: Any) -> Event:
        return _event("POST /indexes/{name}/search", {"name": "t"}, {"vector": self._vector(), "k": 3, **more})

    def _upload(self) -> Event:
        """Put a file into the inbox, and return the SQS event that announces it."""
        data = b"".join(json.dumps(entry).encode() + b"\n" for entry in self._entries(_ADDED))
        key = f"uploads/t/{self._rows}.jsonl"
        etag = self._s3.put_object(Bucket=_INBOX, Key=key, Body=data)["ETag"].strip('"')
        uploaded = {"key": key, "eTag": etag, "size": len(data), "sequencer": f"{self._rows:08}"}
        body = json.dumps({"Records": [{"s3": {"bucket": {"name": _INBOX}, "object": uploaded}}]})
        return {"Records": [{"messageId": "trace", "body": body, "eventSource": "aws:sqs"}]}


def _handler(name: str) -> Handler:
    path = ROOT / "functions" / name / "handler.py"
    spec = importlib.util.spec_from_file_location(f"trace_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler


def _event(route: str, parameters: Mapping[str, str], body: Mapping[str, Any]) -> Event:
    method, path = route.format(**parameters).split(maxsplit=1)
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}},
        "pathParameters": parameters,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


@contextlib.contextmanager
def requests() -> Iterator[Requests]:
    """Run a stand-in for S3 and set the environment variables of the functions inside the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with tempfile.TemporaryDirectory(prefix="vectord-trace-") as folder:
            os.environ |= {
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_REGION": _REGION,
                "AWS_ENDPOINT_URL": f"http://{host}:{port}",
                "VECTORD_STORE": f"s3://{_BUCKET}/indexes",
                "VECTORD_INBOX": _INBOX,
                "TMPDIR": folder,
            }
            s3 = boto3.client("s3", region_name=_REGION)
            for bucket in (_BUCKET, _INBOX):
                s3.create_bucket(Bucket=bucket)
            yield Requests(s3)
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures of each request as JSON")
    parser.add_argument("--modules", metavar="REQUEST", help="print the modules of a request, such as 'add'")
    parser.add_argument("--calls", metavar="REQUEST", help="print every call of a request, such as 'warm search'")
    arguments = parser.parse_args()
    # Handlers write their log lines to stdout, which is for the figures alone.
    with contextlib.redirect_stdout(io.StringIO()), requests() as made:
        traces = made.traces()
    if arguments.json:
        print(json.dumps({name: figures(calls)._asdict() for name, calls in traces.items()}))
    elif arguments.modules:
        _print_modules(traces[arguments.modules])
    elif arguments.calls:
        for call in traces[arguments.calls]:
            print(f"{'  ' * call.depth}{call.module}: {call.function}")
    else:
        rows = [[name, *map(str, figures(calls))] for name, calls in traces.items()]
        table(["request", *Figures._fields], rows)


def _print_modules(calls: list[Call]) -> None:
    counts, switches = Counter(call.module for call in calls), switches_of(calls)
    rows = [[module, str(count), str(switches[module])] for module, count in sorted(counts.items())]
    table(["module", "calls", "switches"], rows)


if __name__ == "__main__":
    main()
