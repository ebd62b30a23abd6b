"""The description of an index shows a build of it, or of a shard of it, that is going on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.support.compactions import DIMENSION, a_writer, vectors
from tests.support.services import FOREVER
from vectord.service.maintenance.lease import Leases
from vectord.service.service import Service
from vectord.service.sharding.placement import shard_names
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex, ReadOptions
from vectord.storage.memory import MemoryStore

STAGE = "divides 40 rows into partitions"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(least_part=1)


@pytest.fixture
def service(store: MemoryStore) -> Service:
    return a_writer(store)


def due(service: Service, shards: int) -> Sequence[str]:
    """Create index `t`, for which builds are due; return the names of its blobs."""
    service.create(NewIndex("t", DIMENSION, shards=shards), FOREVER)
    for start in (0, 100):
        service.add("t", vectors(*map(str, range(start, start + 60))), FOREVER)
    return shard_names(service.describe("t", FOREVER).params) if shards > 1 else ["t"]


@contextmanager
def built(store: MemoryStore, service: Service, name: str, stage: str = STAGE) -> Iterator[None]:
    """Have the lease of a build of a blob in the block."""
    with Leases(store, service.environment, RetryPolicy()).acquire(name, "holder", FOREVER) as lease:
        assert lease is not None
        lease.note(stage)
        yield


def test_of_an_index_in_one_object(store: MemoryStore, service: Service) -> None:
    [name] = due(service, 1)
    assert service.describe("t", FOREVER).build is None
    with built(store, service, name):
        build = service.describe("t", FOREVER).build
    assert build is not None
    assert (build.stage, build.since > 0) == (STAGE, True)


def test_of_a_shard_names_the_shard(store: MemoryStore, service: Service) -> None:
    shards = due(service, 3)
    assert service.describe("t", FOREVER).build is None
    with built(store, service, shards[1]):
        build = service.describe("t", FOREVER).build
    assert build is not None
    assert build.stage == f"{STAGE} (shard 1 of 3)"


def test_of_several_shards_is_the_one_that_started_first(store: MemoryStore, service: Service) -> None:
    shards = due(service, 3)
    with built(store, service, shards[2], "first"), built(store, service, shards[0], "second"):
        build = service.describe("t", FOREVER).build
    assert build is not None
    assert build.stage == "first (shard 2 of 3)"


def test_is_not_shown_with_an_earlier_state(store: MemoryStore, service: Service) -> None:
    [name] = due(service, 1)
    present = service.describe("t", FOREVER).etag
    with built(store, service, name):
        assert service.describe("t", FOREVER, ReadOptions(as_of=present)).build is None
