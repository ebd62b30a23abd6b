"""Interrupt a load: its transport stops working at a chosen write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vectord_client import Index
from vectord_client.errors import ConnectionLost, TransportError
from vectord_client.session import takes_rows
from vectord_client.wire.request import Request, Response

SMALL = 10_000  # bytes of a batch: 1,000 rows are several batches


class Lost:
    """A transport that stops working at the n-th write: before the service gets it, or before its answer arrives."""

    def __init__(self, inner: Any, at: int, *, delivered: bool, error: TransportError) -> None:
        self.inner, self.at, self.delivered, self.error, self.writes = inner, at, delivered, error, 0
        self.takes_rows = takes_rows(inner)

    def send(self, request: Request, timeout: float) -> Response:
        if request.method == "POST" and request.path.endswith("/vectors"):
            self.writes += 1
            if self.writes >= self.at:
                if self.writes == self.at and self.delivered:
                    self.inner.send(request, timeout)
                raise self.error
        return self.inner.send(request, timeout)

    def close(self) -> None:
        self.inner.close()


@contextmanager
def lost(films: Index, at: int, *, delivered: bool, error: TransportError | None = None) -> Iterator[None]:
    """Lose the connection at a write inside the block. The session repeats nothing, as a killed process."""
    session = films._session
    transport, policy = session.transport, session.policy
    session.transport = Lost(transport, at, delivered=delivered, error=error or ConnectionLost("the cable was cut"))
    session.policy = type(policy)(attempts=1)
    try:
        yield
    finally:
        session.transport, session.policy = transport, policy


def interrupt(films: Index, path: Path, at: int = 4, *, delivered: bool = True, concurrency: int = 1) -> None:
    """Interrupt a load of `path` at a write; the error says how to continue."""
    advice = rf"of 1,000 rows of {path.name} are in the index\. Run the same load again to continue\."
    with lost(films, at, delivered=delivered), pytest.raises(ConnectionLost, match=advice):
        films.load(path, batch_bytes=SMALL, concurrency=concurrency)
