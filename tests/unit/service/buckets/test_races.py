"""Two callers at once: every order of their storage requests ends in a state that one after the other could lead to."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import structs

from tests.support import services
from tests.support.services import FOREVER, Clock, vector
from tests.support.stepping import Run, every_order
from vectord.errors import IndexExists, IndexNotFound, VectordError
from vectord.lhv1.bucket_index import BucketIndex
from vectord.service.buckets.errors import BucketExists, BucketNotEmpty, BucketNotFound
from vectord.service.buckets.values import NewBucketIndex
from vectord.service.membership import in_bucket
from vectord.service.service import Service
from vectord.service.values.options import STRONG, UNCONDITIONAL, NewIndex
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow

NEW = NewBucketIndex("all", 2, "cosine", (), {"made": "new"})
type Use = Callable[[Service], Any]


def a_service(store: Any, ids: str) -> Service:
    return services.a_service(store, clock=Clock(ids=ids))


def orders(first: Use, second: Use, *before: Use) -> Iterator[tuple[Service, Run]]:
    """Run two uses in every order of their requests, after those that make the initial state."""

    def set_up() -> MemoryStore:
        store = MemoryStore()
        for number, use in enumerate(before):
            use(a_service(store, f"before-{number}"))
        return store

    for store, run in every_order(
        set_up, lambda own: first(a_service(own, "first")), lambda own: second(a_service(own, "second"))
    ):
        yield a_service(store, "after"), run


def create(service: Service) -> str:
    service.buckets.create("films", {"made": "here"}, FOREVER)
    return "created"


def delete(service: Service) -> str:
    service.buckets.delete("films", FOREVER)
    return "deleted"


def create_index(service: Service) -> str:
    service.buckets.create_index("films", NEW, FOREVER)
    return "created"


def delete_index(service: Service) -> str:
    service.buckets.delete_index("films", "all", FOREVER)
    return "deleted"


def create_natively(service: Service) -> str:
    service.create(NewIndex("films_all", 3), FOREVER)
    return "created"


def delete_natively(service: Service) -> str:
    service.delete_index("films_all", FOREVER)
    return "deleted"


def delete_and_create(service: Service) -> str:
    service.buckets.delete("films", FOREVER)
    service.buckets.create("films", {"made": "again"}, FOREVER)
    return "replaced"


def put(service: Service) -> int | None:
    return service.run(
        "films_all", FOREVER, STRONG, in_bucket(lambda single: single.add([vector("a", 1, 0)], UNCONDITIONAL))
    ).count


def tag(key: str) -> Use:
    def use(service: Service) -> str:
        service.buckets.change(
            "films", lambda bucket: structs.replace(bucket, tags={**bucket.tags, key: "yes"}), FOREVER
        )
        return "tagged"

    return use


def tag_index(key: str) -> Use:
    def use(service: Service) -> str:
        service.buckets.change_index(
            "films", "all", lambda index: structs.replace(index, tags={**index.tags, key: "yes"}), FOREVER
        )
        return "tagged"

    return use


def set_mode(service: Service) -> str:
    service.buckets.change_index("films", "all", lambda index: structs.replace(index, mode="CLASSIC"), FOREVER)
    return "changed"


def bucket_tags(service: Service) -> dict[str, str] | None:
    try:
        return service.buckets.get("films", FOREVER).tags
    except BucketNotFound:
        return None


def index_of(service: Service) -> BucketIndex | None:
    try:
        return service.buckets.describe_index("films", "all", FOREVER).stored
    except IndexNotFound:
        return None


def exists_natively(service: Service) -> bool:
    return [one.name for one in service.list_indexes("", 10, None, FOREVER).objects] == ["films_all"]


def outcomes(run: Run) -> tuple[Any, Any]:
    """Return what each caller returned, or the class of what it raised."""
    first, second = (type(one) if isinstance(one, VectordError) else one for one in (run.first, run.second))
    return first, second


def test_one_of_two_creations_of_a_bucket_succeeds() -> None:
    seen = set()
    for service, run in orders(create, create):
        assert bucket_tags(service) == {"made": "here"}
        seen.add(outcomes(run))
    assert seen == {("created", BucketExists), (BucketExists, "created")}


def test_a_bucket_that_is_created_and_deleted_at_once_exists_if_the_creation_came_later() -> None:
    for service, run in orders(create, delete):
        state = bucket_tags(service)
        assert (outcomes(run), state) in [
            (("created", "deleted"), None),
            (("created", BucketNotFound), {"made": "here"}),
        ], run.order


def test_a_creation_during_a_deletion_creates_another_bucket_or_is_refused() -> None:
    seen = set()
    for service, run in orders(create, delete, create):
        state = bucket_tags(service)
        seen.add((*outcomes(run), state is not None))
    # The last one: the deletion began with the bucket before, and found the new one.
    assert seen == {("created", "deleted", True), (BucketExists, "deleted", False)}


def test_one_of_two_deletions_of_a_bucket_succeeds() -> None:
    seen = set()
    for service, run in orders(delete, delete, create):
        assert bucket_tags(service) is None
        seen.add(outcomes(run))
    assert seen == {("deleted", BucketNotFound), (BucketNotFound, "deleted")}


def test_a_bucket_is_not_deleted_together_with_the_creation_of_an_index() -> None:
    seen = set()
    for service, run in orders(create_index, delete, create):
        kept, index = bucket_tags(service) is not None, index_of(service) is not None
        seen.add((*outcomes(run), kept, index, exists_natively(service)))
    assert seen == {
        ("created", BucketNotEmpty, True, True, True),
        (BucketNotFound, "deleted", False, False, False),
    }


def test_an_index_is_not_created_in_a_bucket_that_replaced_the_one_it_was_created_for() -> None:
    def set_default_mode(service: Service) -> None:
        service.buckets.change("films", lambda one: structs.replace(one, default_index_mode="CLASSIC"), FOREVER)

    seen = set()
    for service, run in orders(create_index, delete_and_create, create, set_default_mode):
        tags, index = bucket_tags(service), index_of(service)
        assert tags is not None
        assert exists_natively(service) == (index is not None)
        seen.add((*outcomes(run), tags["made"], index and index.mode))
    assert seen == {
        ("created", BucketNotEmpty, "here", "CLASSIC"),
        ("created", "replaced", "again", "ENHANCED"),  # it began after the replacement
        (BucketNotFound, "replaced", "again", None),
    }


def test_a_bucket_is_deleted_after_its_last_index_or_not_at_all() -> None:
    seen = set()
    for service, run in orders(delete_index, delete, create, create_index):
        assert index_of(service) is None
        seen.add((*outcomes(run), bucket_tags(service) is not None))
    assert seen == {("deleted", "deleted", False), ("deleted", BucketNotEmpty, True)}


def test_no_tag_is_lost() -> None:
    for service, run in orders(tag("a"), tag("b"), create):
        assert outcomes(run) == ("tagged", "tagged")
        assert bucket_tags(service) == {"made": "here", "a": "yes", "b": "yes"}
    for service, run in orders(tag_index("a"), tag_index("b"), create, create_index):
        assert outcomes(run) == ("tagged", "tagged")
        assert (index_of(service) or BucketIndex(0)).tags == {"made": "new", "a": "yes", "b": "yes"}


def test_a_tag_during_the_deletion_of_its_bucket_is_written_before_it_or_refused() -> None:
    seen = set()
    for service, run in orders(tag("a"), delete, create):
        assert bucket_tags(service) is None
        seen.add(outcomes(run))
    assert seen == {("tagged", "deleted"), (BucketNotFound, "deleted")}


def test_neither_a_tag_nor_a_vector_is_lost() -> None:
    for service, run in orders(tag_index("a"), put, create, create_index):
        assert outcomes(run) == ("tagged", 1)
        assert (index_of(service) or BucketIndex(0)).tags == {"made": "new", "a": "yes"}
        assert service.describe("films_all", FOREVER).count == 1


@pytest.mark.parametrize("change", [tag_index("a"), set_mode, put])
def test_a_change_during_the_deletion_of_its_index_is_written_before_it_or_refused(change: Use) -> None:
    seen = set()
    for service, run in orders(change, delete_index, create, create_index):
        assert not exists_natively(service)
        seen.add(outcomes(run))
    [written] = {first for first, _ in seen} - {IndexNotFound}
    assert seen == {(written, "deleted"), (IndexNotFound, "deleted")}


def test_one_of_two_creations_of_an_index_succeeds() -> None:
    seen = set()
    for service, run in orders(create_index, create_index, create):
        assert (index_of(service) or BucketIndex(0)).tags == {"made": "new"}
        seen.add(outcomes(run))
    assert seen == {("created", IndexExists), (IndexExists, "created")}


def test_one_of_two_deletions_of_an_index_succeeds() -> None:
    seen = {outcomes(run) for _, run in orders(delete_index, delete_index, create, create_index)}
    assert seen == {("deleted", IndexNotFound), (IndexNotFound, "deleted")}


def test_an_index_belongs_to_the_api_that_created_it_first() -> None:
    seen = set()
    for service, run in orders(create_index, create_natively, create):
        seen.add(
            (*outcomes(run), index_of(service) is not None, service.describe("films_all", FOREVER).params.dimension)
        )
    assert seen == {("created", IndexExists, True, 2), (IndexExists, "created", False, 3)}


def test_a_native_index_does_not_keep_a_bucket_from_being_deleted() -> None:
    for service, run in orders(create_natively, delete, create):
        assert outcomes(run) == ("created", "deleted")
        assert exists_natively(service)


@pytest.mark.parametrize("change", [tag_index("a"), set_mode, put])
def test_a_native_deletion_is_one_of_the_index_of_the_bucket(change: Use) -> None:
    seen = set()
    for service, run in orders(change, delete_natively, create, create_index):
        assert not exists_natively(service)
        seen.add(outcomes(run))
    [written] = {first for first, _ in seen} - {IndexNotFound}
    assert seen == {(written, "deleted"), (IndexNotFound, "deleted")}


def test_an_index_that_became_native_meanwhile_is_neither_changed_nor_deleted() -> None:
    def replace(service: Service) -> str:
        delete_natively(service)
        return create_natively(service)

    for change in (tag_index("a"), set_mode, put, delete_index):
        for service, run in orders(change, replace, create, create_index):
            first, second = outcomes(run)
            assert index_of(service) is None
            if second == "created":
                assert service.describe("films_all", FOREVER).count == 0
            assert first in {"tagged", "changed", 1, "deleted", IndexNotFound}, run.order
