"""The cost of searching one shard, and of calling many: the measured figures of tools/costs/sharded.py.

`PYTHONPATH=layers/vectord .venv/dev/bin/python -m bench.studies.shards [--rows N]`. The shard is in memory; the service
reports the bytes and requests that it would read from S3. The times are CPU times, which other load on the machine
affects little.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import numpy as np

from bench.data import synthetic
from tools.command.console import table
from vectord.cache.section_cache import SectionCache
from vectord.index.query.query import Answer, Match, Query, Result
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.sharding import messages
from vectord.service.sharding.failures import Failed
from vectord.service.sharding.fan_out import LocalFanOut, RemoteFanOut, WorkerPool
from vectord.service.sharding.merge import ResultMerger
from vectord.service.sharding.messages import SearchRequest, ShardRequest, ShardResult
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import Store
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions
from vectord.storage.memory import MemoryStore

_NAME = "shard"
_K = 10
_SHARDS = 100
_METADATA = msgspec.Raw(json.dumps({"title": "x" * 80}).encode())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.studies.shards", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=100_000)
    rows = [*_shard(parser.parse_args().rows), *_calls()]
    table(["what", "CPU ms", "requests", "KB read", "how"], rows)


def _shard(count: int) -> Iterator[list[str]]:
    data = synthetic(count, queries=60)
    store = MemoryStore()
    service = _service(store)
    service.create(NewIndex(_NAME, data.rows.vectors.shape[1]), _deadline())
    batch = _batch(data.rows.ids, data.rows.vectors)
    yield _row("build, one batch", _timed(lambda: service.add(_NAME, batch, _deadline())))
    for query in data.queries[:3]:
        yield _search("search, cold", _service(store), query)
    warm = _service(store)
    for at, query in enumerate(data.queries):
        row = _search(f"search {at + 1} of one function", warm, query)
        if at in (1, 2, 5, 10, 20, 40, 59):
            yield row


def _search(what: str, service: Service, query: np.ndarray[tuple[int], np.dtype[np.float32]]) -> list[str]:
    start = time.process_time()
    found = service.search(_NAME, Query(_K, (query,)), _deadline())
    seconds = time.process_time() - start
    how = f"{found.answer.strategy}, {found.answer.plan}"
    return [what, f"{seconds * 1000:.1f}", str(found.requests), f"{found.read_bytes / 1000:,.0f}", how]


def _calls() -> Iterator[list[str]]:
    """Measure the caller: 100 calls of a server that answers at once, and the merge of their answers."""
    answer = msgspec.json.encode(messages.encode(_result(0)).decode())
    query = Query(_K, (np.zeros(384, np.float32),), include_vectors=False)
    requests = [SearchRequest(f"t/g/{i}", query) for i in range(_SHARDS)]
    with _server(answer) as endpoint:
        functions = Functions(endpoint, "us-east-1", Credentials("access", "secret", "t" * 800))
        remote = RemoteFanOut(
            LocalFanOut(_fail, WorkerPool(Environment())),
            lambda payload, seconds: functions.call("f:live", payload, seconds),
        )
        remote.run(requests, _deadline())
        yield _row("100 calls", min(_timed(lambda: remote.run(requests, _deadline())) for _ in range(20)))
    results = [_result(i) for i in range(_SHARDS)]
    yield _row("merge of 100 answers", min(_timed(lambda: _merge(results)) for _ in range(20)))


def _merge(results: Sequence[Result]) -> Result:
    merger = ResultMerger(_K)
    for result in results:
        merger.add(partial(_same, result))
    return merger.result('"etag"')


def _same(result: Result) -> Result:
    return result


def _result(shard: int) -> Result:
    matches = [Match(f"{shard}-{i}", i / 97 + shard / 1e4, _METADATA, None) for i in range(_K)]
    return Result([Answer(matches, 100_000, "partitions", "ranges", 200, 100_000)], '"etag"', 1_000_000, 40)


def _fail(request: ShardRequest, deadline: Deadline) -> ShardResult:
    return Failed(request.shard)


@contextmanager
def _server(answer: bytes) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs, answer), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(port: Connection, answer: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket.listen(128)
        port.send(server.server_port)
        server.serve_forever()


def _service(store: Store) -> Service:
    files = SectionCache(Path(tempfile.mkdtemp(prefix="vectord-bench-")), 1 << 30)
    return Service(store, files, memory_bytes=1 << 30, environment=Environment(), retry_policy=RetryPolicy())


def _batch(ids: Sequence[str], vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> list[NewVector]:
    return [NewVector(name, vector, _METADATA) for name, vector in zip(ids, vectors, strict=True)]


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _row(what: str, seconds: float) -> list[str]:
    return [what, f"{seconds * 1000:,.1f}", "", "", ""]


def _deadline() -> Deadline:
    return Deadline(time.monotonic() + 3_600)


if __name__ == "__main__":
    main()
