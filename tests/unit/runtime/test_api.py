"""The composition root of the functions behind the HTTP API."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from vectord.runtime import api

_THREADS = 8


def test_threads_that_compose_the_service_at_once_get_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    barrier = Barrier(_THREADS)

    def composed(_: int) -> int:
        barrier.wait()
        return id(api.service())

    with ThreadPoolExecutor(_THREADS) as threads:
        for attempt in range(20):
            monkeypatch.setenv("VECTORD_MAX_SHARDS", str(attempt + 1))  # settings of which there is no service yet
            assert len(set(threads.map(composed, range(_THREADS)))) == 1
