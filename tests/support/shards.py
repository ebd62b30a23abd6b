"""Services of sharded indexes, whose fan-out runs threads: ids and time are real, sleeping is not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, a_query, new_section_cache, vector
from vectord.service.service import Service
from vectord.service.sharding.fan_out import Invoke
from vectord.service.sharding.placement import shard_of
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.base import ByteRange, Condition, IfMatch, NotModified, ObjectHead, Store
from vectord.storage.memory import MemoryStore

IDS = [f"row-{i}" for i in range(12)]
ROWS = [vector(vector_id, 1.0, place) for place, vector_id in enumerate(IDS)]


def a_service(store: Store, invoke: Invoke | None = None) -> Service:
    """Return a service that tries three times; with `invoke` other functions run shard requests."""
    environment = Environment(sleep=lambda _: None, uniform=lambda low, _: low)
    return Service(
        store,
        new_section_cache(),
        memory_bytes=1 << 20,
        environment=environment,
        retry_policy=RetryPolicy(max_attempts=3),
        invoke=invoke,
    )


def a_filled_service(store: Store) -> Service:
    """Return a service with index `t` in 3 shards, each of which holds some of ROWS."""
    service = a_service(store)
    service.create(NewIndex("t", 2, shards=3), FOREVER)
    service.add("t", ROWS, FOREVER)
    return service


def search_ids(service: Service, *query: float, k: int = 10, **more: Any) -> list[str]:
    """Return the ids that a search of `t` finds, nearest first."""
    searched = service.search("t", a_query(np.array(query, np.float64), k, **more), FOREVER)
    return [match.id for match in searched.answer.matches]


def vector_count(service: Service) -> int:
    return service.describe("t", FOREVER).count


def ids_on_shard(number: int, shards: int = 3) -> list[str]:
    """Return those of IDS that are in a shard."""
    return [vector_id for vector_id in IDS if shard_of(vector_id, shards) == number]


class HookedStore(ScriptedStore):
    """A memory store where requests for some objects do something else first: `before[method, end of the name]`."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[tuple[str, str], Callable[[], None]] = {}

    def fail(self, method: str, end: str, error: Exception) -> None:
        def raise_error() -> None:
            raise error

        self.before[method, end] = raise_error

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        self._meet("put", name)
        return super().put(name, data, condition, commit)

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        self._meet("head", name)
        return super().head(name, length, known_etag, version=version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        self._meet("read", name)
        return super().read(name, etag, ranges, version=version)

    def delete(self, name: str, condition: IfMatch) -> None:
        self._meet("delete", name)
        super().delete(name, condition)

    def _meet(self, method: str, name: str) -> None:
        for (wanted, end), act in list(self.before.items()):
            if wanted == method and name.endswith(end):
                act()


def object_names(store: MemoryStore) -> list[str]:
    """Return the name of every object, hidden ones too."""
    return sorted(store._objects)


def etags(store: MemoryStore) -> Mapping[str, str]:
    return {name: store.etag(name) for name in object_names(store)}
