"""A function that is killed between two storage requests leaves nothing that blocks the next request."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from tests.support import services
from tests.support.services import FOREVER, Clock
from vectord.errors import IndexNotFound
from vectord.service.buckets.errors import BucketNotFound
from vectord.service.buckets.values import NewBucketIndex
from vectord.service.service import Service
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow

NEW = NewBucketIndex("all", 2, "cosine")


class Killed(BaseException):
    pass


class KilledStore:
    """A store whose caller is killed at its request number `at`, before or after the request is executed."""

    def __init__(self, store: MemoryStore, at: int, *, executed: bool) -> None:
        self._store, self._left, self._executed = store, at, executed

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._store, method)

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                if self._executed:
                    real(*arguments, **named)
                raise Killed
            return real(*arguments, **named)

        return call


def a_service(store: Any, ids: str) -> Service:
    return services.a_service(store, clock=Clock(ids=ids))


def create(service: Service) -> None:
    service.buckets.create("films", {}, FOREVER)


def delete(service: Service) -> None:
    service.buckets.delete("films", FOREVER)


def tag(service: Service) -> None:
    service.buckets.change("films", lambda bucket: structs.replace(bucket, tags={"a": "b"}), FOREVER)


def create_index(service: Service) -> None:
    service.buckets.create_index("films", NEW, FOREVER)


def create_index_during_a_deletion(service: Service) -> None:
    """Create an index while a mark is set, which takes one more request."""
    service.buckets.change("films", lambda bucket: structs.replace(bucket, deleting=True), FOREVER)
    create_index(service)


def delete_index(service: Service) -> None:
    service.buckets.delete_index("films", "all", FOREVER)


def tag_index(service: Service) -> None:
    service.buckets.change_index("films", "all", lambda index: structs.replace(index, tags={"a": "b"}), FOREVER)


type Use = Callable[[Service], None]
BEFORE: dict[Use, list[Use]] = {
    create: [],
    delete: [create],
    tag: [create],
    create_index: [create],
    create_index_during_a_deletion: [create],
    delete_index: [create, create_index],
    tag_index: [create, create_index],
}


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("use", BEFORE, ids=lambda use: use.__name__)
def test_after_a_kill_every_request_works(use: Use, executed: bool) -> None:
    for at in range(50):
        store = MemoryStore()
        for earlier in BEFORE[use]:
            earlier(a_service(store, f"before-{earlier.__name__}"))
        try:
            use(a_service(KilledStore(store, at, executed=executed), "killed"))
        except Killed:
            check_that_all_works(a_service(store, "after"))
        else:
            assert at > 0
            return
    pytest.fail("it has no end")


def check_that_all_works(service: Service) -> None:
    """Create what is missing; then change, list and delete everything."""
    try:
        tag(service)
    except BucketNotFound:
        create(service)
    try:
        tag_index(service)
    except IndexNotFound:
        create_index(service)
    assert [one.name for one in service.buckets.list("", 10, None, FOREVER).items] == ["films"]
    assert [one.name for one in service.buckets.list_indexes("films", "", 10, None, FOREVER).items] == ["all"]
    delete_index(service)
    delete(service)
    assert service.buckets.list("", 10, None, FOREVER).items == ()
    assert service.list_indexes("", 10, None, FOREVER).objects == ()
