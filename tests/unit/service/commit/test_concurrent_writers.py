"""Concurrent writers of one index lose no change, in one process or in several."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import services
from tests.support.services import FOREVER, vector
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.memory import MemoryStore

WRITERS, BATCHES = 8, 6


def persistent_service(store: MemoryStore) -> Service:
    """A service with real time and randomness that retries until the test ends."""
    return services.a_service(
        store, environment=Environment(), retry_policy=RetryPolicy(max_attempts=10_000, base=0.001, cap=0.01)
    )


@pytest.mark.parametrize("functions", [1, WRITERS], ids=["one function", "a function each"])
@pytest.mark.slow
def test_concurrent_batches_are_all_added(functions: int) -> None:
    store = MemoryStore()
    services = [persistent_service(store) for _ in range(functions)]
    services[0].create(NewIndex("t", 2), FOREVER)

    def write(writer: int) -> int:
        service = services[writer % functions]
        return sum(
            service.add("t", [vector(f"{writer}-{batch}", writer, batch + 1)], FOREVER).added
            for batch in range(BATCHES)
        )

    with ThreadPoolExecutor(WRITERS) as pool:
        added = sum(pool.map(write, range(WRITERS)))
    assert added == WRITERS * BATCHES == persistent_service(store).describe("t", FOREVER).count


def test_each_change_returns_its_own_count_and_the_etag_of_a_state_that_has_it() -> None:
    store = MemoryStore()
    persistent_service(store).create(NewIndex("t", 2), FOREVER)

    def write(writer: int) -> tuple[int, str]:
        done = persistent_service(store).add("t", [vector(str(writer), 1, writer)], FOREVER)
        return done.count, done.etag

    with ThreadPoolExecutor(WRITERS) as pool:
        counts, etags = zip(*pool.map(write, range(WRITERS)), strict=True)
    assert sorted(counts) == list(range(1, WRITERS + 1))
    written = {version.etag for version in store.versions("t", 100).versions}
    assert written >= set(etags)


def test_a_vector_deleted_by_many_writers_is_deleted_once() -> None:
    store = MemoryStore()
    persistent_service(store).create(NewIndex("t", 2), FOREVER)
    persistent_service(store).add("t", [vector("a", 1, 0), vector("b", 0, 1)], FOREVER)
    with ThreadPoolExecutor(WRITERS) as pool:
        gone = pool.map(
            lambda _: persistent_service(store).delete("t", Selection(["a"]), FOREVER).deleted, range(WRITERS)
        )
        assert sorted(gone) == [0] * (WRITERS - 1) + [1]
