"""Loads of the same rows over HTTP: through the client, on a bare connection, and by the handler in this process.

The bodies are made before the clock of a bare connection and of the handler starts; the handler has no HTTP, no
MiniStack and no process of its own, and the storage of the server that it is compared with.
"""

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from vectord_client import Client, Index
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway
from vectord_client.rows import batches
from vectord_client.rows.forms import add_blocks
from vectord_client.wire import operations
from vectord_client.wire.request import Request

from bench.embedded.database import F32, metadata_of
from bench.handlers import load_handler, without_log
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, session
from tools.stack.storage import VARIABLES

CLIENT, BARE, HANDLER = "through the client", "on a bare connection", "the handler in this process"
FILE: Final = "of a file, through the client"
_SECONDS: Final = 20.0  # that a request may use storage
_BUILD_SECONDS: Final = 120.0  # from the end of a load until its build has ended
_POLL_SECONDS: Final = 0.2

type Rates = Mapping[str, float]  # rows per second, by the way of a load


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the API: its port, its base path, and what gives bodies to its handler in this process.

    `builds_all`: it also builds what a handler of this process has written.
    """

    port: int
    path: str
    handle: Callable[[str, Sequence[bytes]], None]
    builds_all: bool
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "connection", http.client.HTTPConnection(HOST, self.port))

    @property
    def url(self) -> str:
        """The API's base URL."""
        return f"http://{HOST}:{self.port}{self.path}"

    def post(self, path: str, body: bytes) -> bytes:
        """Return the answer to a request on the bare connection."""
        self.connection.request("POST", self.path + path, body, {"content-type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != HTTPStatus.OK:
            raise RuntimeError(answer)
        return answer


def on_stack(stack: Stack) -> Server:
    """Return the stack as a server; its handler works on its bucket."""
    return Server(stack.port, stack.path, lambda name, bodies: _by_function(stack, name, bodies), builds_all=True)


def on_folder(port: int, folder: Path) -> Server:
    """Return `vectord serve` as a server; its handler works on the same folder."""
    return Server(port, "", lambda name, bodies: _by_gateway(folder, name, bodies), builds_all=False)


class Rows:
    """Rows in memory, as bodies of requests, and in a file."""

    def __init__(self, vectors: F32, folder: Path) -> None:
        self.vectors, self.ids, self.metadata = vectors, list(map(str, range(len(vectors)))), metadata_of(len(vectors))
        blocks = add_blocks(ids=self.ids, vectors=vectors, metadata=self.metadata)
        self.bodies = [batches.body(batch.rows) for batch in batches.cut(blocks) if batch.rows is not None]
        self.file = folder / f"{len(vectors)}.npz"
        texts = np.array([json.dumps(each).encode() for each in self.metadata])
        np.savez(self.file, ids=np.array(self.ids), vectors=vectors, metadata=texts)

    def __len__(self) -> int:
        return len(self.ids)


def rates(server: Server, rows: Rows, number: int) -> Rates:
    """Return the rows per second of batches in each way, each into a new index; the rounds begin with another way."""
    ways: Mapping[str, Callable[[str], object]] = {
        CLIENT: lambda name: _through_client(server, name, rows),
        BARE: lambda name: [server.post(f"/indexes/{name}/vectors", body) for body in rows.bodies],
        HANDLER: lambda name: server.handle(name, rows.bodies),
    }
    order = [list(ways)[(place + number) % len(ways)] for place in range(len(ways))]
    names = {way: f"batches-{number}-{place}" for place, way in enumerate(ways)}
    return {
        way: _rate(server, names[way], rows, ways[way], builds=server.builds_all or way != HANDLER) for way in order
    }


def load(server: Server, rows: Rows, name: str) -> None:
    """Load rows in batches through the client into a new index, and wait until it is built."""
    _rate(server, name, rows, lambda index: _through_client(server, index, rows))


def rates_of_file(server: Server, rows: Rows, number: int) -> tuple[Rates, str]:
    """Return the rows per second of a load of a file as it is by default and of the handler, and how the file went."""
    went: list[str] = []
    ways: Mapping[str, Callable[[str], object]] = {
        FILE: lambda name: went.append(_load_file(server, name, rows, "auto")),
        HANDLER: lambda name: server.handle(name, rows.bodies),
    }
    order = list(ways)[:: -1 if number % 2 else 1]
    return {way: _rate(server, f"file-{number}-{place}", rows, ways[way]) for place, way in enumerate(order)}, went[0]


def start_ingestion(server: Server, rows: Rows) -> None:
    """Load a file by an upload link, so that the functions which that needs are started."""
    _rate(server, "ingested", rows, lambda name: _load_file(server, name, rows, "upload"))


def forget_objects(stack: Stack) -> None:
    """Delete all indexes of a stack with their versions, which MiniStack keeps in memory."""
    session().resource("s3", endpoint_url=stack.endpoint).Bucket(stack.bucket).object_versions.delete()


def ratio(found: Sequence[Rates], way: str, of: str) -> float:
    """Return the median of the rate of one way divided by that of another in the same round."""
    return median(each[way] / each[of] for each in found)


def _rate(server: Server, name: str, rows: Rows, load: Callable[[str], object], *, builds: bool = True) -> float:
    """Return the rows per second of a load into a new index; wait until the server has built it, if it does."""
    with Client(server.url) as client:
        client.create_index(name, dimension=rows.vectors.shape[1])
        started = time.perf_counter()
        load(name)
        seconds = time.perf_counter() - started
        if builds:
            _wait_for_build(client.index(name))
    return len(rows) / seconds


def _wait_for_build(index: Index) -> None:
    """Wait until an index is built, so that no build of one load takes the processors from the next."""
    end = time.monotonic() + _BUILD_SECONDS
    while time.monotonic() < end:
        info = index.info()
        if info.calibration and info.build is None:
            return
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{index.name!r} was not built within {_BUILD_SECONDS:g} s")


def _load_file(server: Server, name: str, rows: Rows, via: str) -> str:
    """Load the file of the rows, and return how it went."""
    with Client(server.url) as client:
        return str(client.index(name).load(rows.file, via=via, resume=False, progress=False).via)


def _through_client(server: Server, name: str, rows: Rows) -> None:
    with Client(server.url) as client:
        client.index(name).add(ids=rows.ids, vectors=rows.vectors, metadata=rows.metadata)


def _by_function(stack: Stack, name: str, bodies: Sequence[bytes]) -> None:
    """Give the bodies to the function `add` in this process, on the stack's S3."""
    before = dict(os.environ)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    compact = stack.physical("CompactFunction")  # as on the stack: it builds, no add does
    os.environ |= {**VARIABLES, **keys, "AWS_ENDPOINT_URL": stack.endpoint, "VECTORD_COMPACT": compact}
    os.environ["VECTORD_STORE"] = f"s3://{stack.bucket}/_vectors"
    try:
        add = load_handler("add")
        events = [_event(operations.add(name, body).request) for body in bodies]
        with without_log():
            for event in events:
                answer = add(event, None)
                if answer["statusCode"] != HTTPStatus.OK:
                    raise RuntimeError(answer["body"])
    finally:
        os.environ.clear()
        os.environ |= before


def _by_gateway(folder: Path, name: str, bodies: Sequence[bytes]) -> None:
    """Give the bodies to the function `add` of embedded mode in this process."""
    gateway = Gateway(folder, Options(close_seconds=0.0))  # no build is waited for
    try:
        for body in bodies:
            response = gateway.send(operations.add(name, body).request, _SECONDS)
            if response.status != HTTPStatus.OK:
                raise RuntimeError(response.body)
    finally:
        gateway.close()


def _event(request: Request) -> dict[str, Any]:
    name = request.path.split("/")[2]
    return {
        "version": "2.0",
        "routeKey": "POST /indexes/{name}/vectors",
        "rawPath": request.path,
        "rawQueryString": "",
        "headers": dict(request.headers),
        "requestContext": {"http": {"method": "POST", "path": request.path}, "requestId": "bench", "stage": "$default"},
        "pathParameters": {"name": name},
        "body": (request.body or b"").decode(),
        "isBase64Encoded": False,
    }
