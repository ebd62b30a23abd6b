"""Ask a server for the description of an index with both clients; for the tests of errors."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.raw_server import raw_server

from vectord_client import AsyncClient, Client, IndexInfo, RetryPolicy, VectordError

# The body of an answer that describes an index.
INFO = {
    "index": {"name": "films", "dimension": 3, "m": 16, "ef_search": 20, "distance": "cosine"},
    "count": 7,
    "bytes": 280,
    "graph": {"bytes": 0},
    "calibration": {},
}
ONCE = RetryPolicy(attempts=1)
Ask = Callable[..., IndexInfo]


def ask_directly(url: str, **options: Any) -> IndexInfo:
    """Ask with `Client`; a request that fails is not repeated."""
    with Client(url, **{"retries": ONCE, **options}) as client:
        return client.index("films").info()


def ask_by_coroutine(url: str, **options: Any) -> IndexInfo:
    """Ask with `AsyncClient`, in the same way."""

    async def ask() -> IndexInfo:
        async with AsyncClient(url, **{"retries": ONCE, **options}) as client:
            return await client.index("films").info()

    return asyncio.run(ask())


def failure_of(ask: Ask, kind: type[VectordError], *script: bytes | None, **options: Any) -> VectordError:
    """Return the error, which must be of `kind` itself, that the answers of `script` lead to."""
    with raw_server(*script) as server, pytest.raises(kind) as raised:
        ask(server.url, **options)
    assert type(raised.value) is kind
    return raised.value
