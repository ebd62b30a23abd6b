"""Clients of a folder, in this process and over HTTP, with a cache folder of their own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vectord_client import Client, Index
from vectord_client.embedded.listening import Server
from vectord_client.embedded.requirements import Options

ROWS, DIMENSION = 1_000, 8


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the journals of this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vectord" / "loads"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder that this process serves."""
    with Server(tmp_path / "served", "127.0.0.1", 0, open_to_network=False, options=Options()) as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server.url
    thread.join(10)


@pytest.fixture(params=["embedded", "http"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """A client of a folder: the engine in this process, and over HTTP."""
    target = str(tmp_path / "data") if request.param == "embedded" else request.getfixturevalue("server")
    with closing(Client(target)) as client:
        yield client


@pytest.fixture
def films(client: Client) -> Index:
    return client.create_index("films", dimension=DIMENSION)


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(ROWS, DIMENSION)).astype(np.float32)


@pytest.fixture
def npz(tmp_path: Path, matrix: np.ndarray) -> Path:
    """A file of 1,000 rows."""
    path = tmp_path / "films.npz"
    metadata = np.array([f'{{"n": {row}}}' for row in range(len(matrix))])
    np.savez(path, ids=np.array([f"id{row}" for row in range(len(matrix))]), vectors=matrix, metadata=metadata)
    return path


@pytest.fixture
def check(matrix: np.ndarray) -> Callable[..., None]:
    """Compare an index with the rows of `npz`."""

    def check(index: Index, without: tuple[int, ...] = ()) -> None:
        rows = {row.id: row for row in index.rows(vectors=True)}
        expected = [row for row in range(len(matrix)) if row not in without]
        assert rows.keys() == {f"id{row}" for row in expected}
        for row in expected:
            found = rows[f"id{row}"]
            assert found.vector is not None
            assert found.vector.tobytes() == matrix[row].tobytes()
            assert found.metadata == {"n": row}

    return check
