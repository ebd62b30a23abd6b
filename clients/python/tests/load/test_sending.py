"""How batches are sent: under the limit, side by side with a bound, in the order of rows with one id."""

import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vectord_client import Client, Index
from vectord_client.wire.request import Request, Response


class Watched:
    """A transport that notes the adds and how many of them were in flight at once."""

    def __init__(self, inner: object) -> None:
        self.inner, self.lock = inner, threading.Lock()
        self.adds: list[Request] = []
        self.running = self.most = 0

    def send(self, request: Request, timeout: float) -> Response:
        if not request.path.endswith("/vectors") or request.method != "POST":
            return self.inner.send(request, timeout)
        with self.lock:
            self.adds.append(request)
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.01)
        try:
            return self.inner.send(request, timeout)
        finally:
            with self.lock:
                self.running -= 1

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def watched(tmp_path: Path) -> tuple[Index, Watched]:
    client = Client(tmp_path / "data")
    client._session.transport = watched = Watched(client._session.transport)
    return client.create_index("films", dimension=8), watched


def test_requests_are_under_the_limit_with_a_key_each(
    watched: tuple[Index, Watched], npz: Path, matrix: np.ndarray
) -> None:
    films, seen = watched
    films.load(npz, batch_bytes=10_000, concurrency=3)
    bodies = [request.body or b"" for request in seen.adds]
    assert max(len(body) + body.count(b'"') for body in bodies) <= 10_000
    assert len({request.headers["idempotency-key"] for request in seen.adds}) == len(bodies) > 10
    sent = [item["id"] for body in bodies for item in msgspec.json.decode(body)["vectors"]]
    assert sorted(sent) == sorted(f"id{row}" for row in range(len(matrix)))
    assert 2 <= seen.most <= 3


def test_one_batch_at_a_time_on_request(watched: tuple[Index, Watched], npz: Path) -> None:
    films, seen = watched
    films.load(npz, batch_bytes=10_000, concurrency=1)
    assert seen.most == 1


def test_batches_with_an_id_in_common_are_not_in_flight_together(
    watched: tuple[Index, Watched], matrix: np.ndarray
) -> None:
    films, seen = watched
    films.load([(f"id{row % 2}", vector) for row, vector in enumerate(matrix)], batch_bytes=10_000, concurrency=4)
    assert seen.most == 1
    assert films["id1"].vector.tobytes() == matrix[999].tobytes()


def test_a_repeat_of_a_load_has_other_keys(watched: tuple[Index, Watched], npz: Path) -> None:
    films, seen = watched
    films.load(npz)
    films.load(npz)
    assert len({request.headers["idempotency-key"] for request in seen.adds}) == len(seen.adds)
