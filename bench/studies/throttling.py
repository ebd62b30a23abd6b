"""Callers of a sharded index under a limit of concurrent functions: what is acknowledged, and how long it takes.

`PYTHONPATH=layers/vectord .venv/dev/bin/python -m bench.studies.throttling [--callers N] [--limit N]`. Each
caller adds one batch after another through the real handler; the functions run in threads of this process, behind
Lambda's Invoke API with the limit (`tools/functions/limited.py`). The store is in memory; each of its requests takes
`--request` seconds. Times are wall-clock times, of which the requests and the waits are most.
"""

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Final

import numpy as np

from bench.handlers import encode, event, without_log
from tools.command.console import table
from tools.functions.limited import Handler, LimitedFunctions, TooMany, served
from vectord.cache.section_cache import SectionCache
from vectord.edge import handler, problems
from vectord.edge.events import fan_out
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import bodies
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import Condition, NotModified, ObjectHead
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions
from vectord.storage.memory import MemoryStore

_NAME: Final = "t"
_DIMENSION: Final = 384
_ROWS: Final = 100  # of a batch
_GATEWAY_WAIT: Final = 1.0  # seconds until a caller repeats what API Gateway could not pass on


class SlowStore(MemoryStore):
    """A store whose reads and writes take `seconds`, as those of S3 do."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        time.sleep(self.seconds)
        return super().head(name, length, known_etag, version=version)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        time.sleep(self.seconds)
        return super().put(name, data, condition, commit)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.studies.throttling", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--limit", type=int, default=32, help="concurrent executions")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--request", type=float, default=0.03, help="seconds of a request to storage")
    options = parser.parse_args()
    with _functions(options.shards, options.limit, options.request) as functions:
        counts, seconds = _load(functions, options.callers, options.seconds)
    rows = [[answer, str(count)] for answer, count in sorted(counts.items())]
    spread = [f"{np.percentile(seconds, share):.2f}" for share in (50, 99)] if seconds else ["-", "-"]
    rows += [["acknowledged a second", f"{len(seconds) / options.seconds:.2f}"]]
    rows += [["p50 of those, s", spread[0]], ["p99 of those, s", spread[1]]]
    rows += [["most executions", str(functions.most)], ["throttled calls", f"{functions.throttled:,}"]]
    table(["what", "value"], rows)


@contextmanager
def _functions(shards: int, limit: int, request: float) -> Iterator[LimitedFunctions]:
    """Yield the add function over a store with an empty index in shards."""
    store, endpoint = SlowStore(request), list[str]()

    def instance() -> Handler:
        lambdas = Functions(endpoint[0], "us-east-1", Credentials("access", "secret", None))
        service = _service(store, lambda payload, seconds: lambdas.call("add", payload, seconds))
        routes = {"POST /indexes/{name}/vectors": Route(_add, "write", "add-vectors")}
        return handler.handler(routes, lambda: service, lambda: None, fan_out.handler(lambda: service))

    functions = LimitedFunctions(limit, {"add": instance})
    with served(functions) as url, without_log():
        endpoint.append(url)
        _service(store, None).create(NewIndex(_NAME, _DIMENSION, shards=shards), Deadline(time.monotonic() + 60))
        yield functions


def _service(store: SlowStore, invoke: Callable[[bytes, float], bytes] | None) -> Service:
    files = SectionCache(Path(tempfile.mkdtemp(prefix="vectord-bench-")), 1 << 30)
    return Service(
        store, files, memory_bytes=1 << 28, environment=Environment(), retry_policy=RetryPolicy(), invoke=invoke
    )


def _add(request: Request, service: Service) -> Reply:
    entries = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    service.add(request.path["name"], entries, request.deadline, request.write_options)
    return Reply({})


def _load(functions: LimitedFunctions, callers: int, seconds: float) -> tuple[Counter[str], list[float]]:
    """Let callers add batches for some seconds; return the answers by kind, and the seconds of those acknowledged."""
    counts, times, end = Counter[str](), list[float](), time.monotonic() + seconds

    def call(number: int) -> None:
        vectors = np.random.default_rng(number).standard_normal((_ROWS, _DIMENSION)).astype(np.float32)
        rows = [{"id": f"{number}-{row}", "vector": encode(vector)} for row, vector in enumerate(vectors)]
        batch = event("vectors", _NAME, {"vectors": rows})
        while (start := time.monotonic()) < end:
            try:
                answer = functions.invoke("add", batch)
            except TooMany:
                counts["refused by the gateway"] += 1
                time.sleep(_GATEWAY_WAIT)
                continue
            counts[_kind(answer)] += 1
            if answer["statusCode"] == 200:
                times.append(time.monotonic() - start)

    threads = [Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, times


def _kind(answer: dict[str, Any]) -> str:
    body = json.loads(answer["body"])
    return f"{answer['statusCode']} {body.get('type', '').removeprefix(problems.TYPE_PREFIX)}".strip()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
