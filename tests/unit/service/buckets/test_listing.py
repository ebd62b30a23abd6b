"""List vector buckets and their indexes: in the order of names, whatever else is in the store, and page by page."""

import random
from collections.abc import Callable, Iterator

import pytest
from msgspec import structs

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after, no_reply
from tests.support.services import FOREVER, Clock
from vectord.errors import StorageSilent
from vectord.service.buckets.buckets import VectorBuckets
from vectord.service.buckets.errors import BucketNotFound
from vectord.service.buckets.values import NewBucketIndex, Page, Summary
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import IfAbsent, IfMatch

FAMILY = ["all", "all-2", "all-20", "all.a", "all.json", "all.lhv1", "all0", "al0", "b-c"]

type List = Callable[[int, str | None], Page]


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    """Another function on the same objects, whose requests are never scripted."""
    return services.a_service(store.inner, clock=Clock(ids="other"))


@pytest.fixture
def clock() -> Clock:
    return Clock(ids="ours")


@pytest.fixture
def buckets(store: ScriptedStore, other: Service, clock: Clock) -> VectorBuckets:
    """The use cases on a store that has the bucket `films`."""
    other.buckets.create("films", {}, FOREVER)
    store.calls.clear()
    return services.a_service(store, clock=clock, retry_policy=RetryPolicy(max_attempts=3)).buckets


def create(service: Service, *names: str, bucket: str = "films") -> None:
    for name in random.Random(1).sample(names, len(names)):
        service.buckets.create_index(bucket, NewBucketIndex(name, 2, "cosine"), FOREVER)


def pages(list_: List, limit: int) -> Iterator[Page]:
    position: str | None = None
    while True:
        page = list_(limit, position)
        yield page
        if (position := page.after) is None:
            return


def names(list_: List, limit: int = 500) -> list[str]:
    return [one.name for page in pages(list_, limit) for one in page.items]


def indexes(buckets: VectorBuckets, prefix: str = "", bucket: str = "films") -> List:
    return lambda limit, position: buckets.list_indexes(bucket, prefix, limit, position, FOREVER)


def all_buckets(buckets: VectorBuckets, prefix: str = "") -> List:
    return lambda limit, position: buckets.list(prefix, limit, position, FOREVER)


@pytest.mark.parametrize("limit", [1, 2, 5, 500])
def test_indexes_are_listed_by_name(buckets: VectorBuckets, other: Service, limit: int) -> None:
    create(other, *FAMILY)
    assert names(indexes(buckets), limit) == sorted(FAMILY)
    assert names(indexes(buckets, "all"), limit) == [name for name in sorted(FAMILY) if name.startswith("all")]
    assert names(indexes(buckets, "none"), limit) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 500])
def test_buckets_are_listed_by_name(buckets: VectorBuckets, other: Service, limit: int) -> None:
    for name in FAMILY:
        other.buckets.create(name, {}, FOREVER)
    assert names(all_buckets(buckets), limit) == sorted([*FAMILY, "films"])
    assert names(all_buckets(buckets, "all"), limit) == [name for name in sorted(FAMILY) if name.startswith("all")]


def test_a_listing_has_times_of_creation(buckets: VectorBuckets, other: Service) -> None:
    buckets._clock = lambda: 1_790_000_000.5
    buckets.create("books", {}, FOREVER)
    buckets.create_index("books", NewBucketIndex("all", 2, "cosine"), FOREVER)
    assert buckets.list("books", 9, None, FOREVER).items == (Summary("books", 1_790_000_000),)
    assert buckets.list_indexes("books", "", 9, None, FOREVER).items == (Summary("all", 1_790_000_000),)


def test_a_bucket_has_no_index_of_a_bucket_whose_name_begins_with_its_own(
    buckets: VectorBuckets, other: Service
) -> None:
    for bucket in ("films-2", "films.a", "film"):
        other.buckets.create(bucket, {}, FOREVER)
        create(other, "all", bucket=bucket)
    assert names(indexes(buckets)) == []


def test_native_indexes_are_in_no_listing(buckets: VectorBuckets, other: Service) -> None:
    create(other, "all")
    for name in ("films", "films_", "films_a", "films_a_b", "films_all-2", "other"):
        other.create(NewIndex(name, 2), FOREVER)
    other.create(NewIndex("films_shards", 2, shards=2), FOREVER)
    assert names(indexes(buckets), 1) == ["all"]
    assert names(all_buckets(buckets)) == ["films"]


def test_the_native_listing_has_indexes_and_no_buckets(buckets: VectorBuckets, other: Service) -> None:
    create(other, "all")
    assert [one.name for one in other.list_indexes("", 10, None, FOREVER).objects] == ["films_all"]
    assert other.list_indexes(".s3vectors/", 10, None, FOREVER).after is None


def test_what_cannot_be_read_is_left_out(store: ScriptedStore, buckets: VectorBuckets, other: Service) -> None:
    create(other, "a-a", "c-c")
    store.inner.put("films_b-b", b"damaged", IfAbsent(), "")
    store.inner.put(".s3vectors/damaged", b"damaged", IfAbsent(), "")
    assert names(indexes(buckets), 1) == ["a-a", "c-c"]
    assert names(all_buckets(buckets), 1) == ["films"]


def test_what_could_not_be_read_is_read_again(store: ScriptedStore, buckets: VectorBuckets, other: Service) -> None:
    create(other, "all")

    def damaged(real: Callable[[], object]) -> object:
        head = real()
        return structs.replace(head, data=b"damaged" + bytes(head.data)[7:])  # type: ignore[attr-defined,type-var]

    store.on("head", lambda real: real(), damaged)
    assert names(indexes(buckets)) == []
    assert names(indexes(buckets)) == ["all"]


def test_an_index_that_is_deleted_during_the_listing_is_left_out(
    store: ScriptedStore, buckets: VectorBuckets, other: Service
) -> None:
    create(other, "a-a", "b-b")
    store.on("list", lambda real: (real(), other.delete_index("films_a-a", FOREVER))[0])
    assert names(indexes(buckets)) == ["b-b"]


def test_an_index_that_is_deleted_between_two_pages_moves_no_other(buckets: VectorBuckets, other: Service) -> None:
    create(other, *(f"i-{number}" for number in range(6)))
    listed = []
    for page in pages(indexes(buckets), 2):
        listed += [one.name for one in page.items]
        other.buckets.delete_index("films", listed[0], FOREVER) if len(listed) == 2 else None
    assert listed == [f"i-{number}" for number in range(6)]


def test_of_a_missing_bucket_is_refused(buckets: VectorBuckets) -> None:
    with pytest.raises(BucketNotFound):
        buckets.list_indexes("other", "", 10, None, FOREVER)


def test_a_second_listing_reads_only_what_changed(store: ScriptedStore, buckets: VectorBuckets, other: Service) -> None:
    create(other, "a-a", "b-b", "c-c")
    other.create(NewIndex("films_native", 2), FOREVER)
    names(indexes(buckets))
    other.buckets.delete_index("films", "b-b", FOREVER)
    create(other, "b-b")
    store.calls.clear()
    assert names(indexes(buckets)) == ["a-a", "b-b", "c-c"]
    assert [call for call in store.calls if call[0] == "head"] == [
        ("head", ".s3vectors/films", ""),
        ("head", "films_b-b", ""),
    ]


def test_a_page_ends_early_behind_many_native_indexes(buckets: VectorBuckets, other: Service) -> None:
    for number in range(60):
        other.create(NewIndex(f"films_native-{number:02}", 2), FOREVER)
    create(other, "zz-top")
    sizes = [len(page.items) for page in pages(indexes(buckets), 1)]
    assert sizes == [0, 0, 0, 1]  # of 20 requests each


def test_a_page_ends_early_if_storage_is_slow(
    store: ScriptedStore, buckets: VectorBuckets, other: Service, clock: Clock
) -> None:
    create(other, "a-a", "z-z")
    for number in range(8):
        other.create(NewIndex(f"films_n-{number}", 2), FOREVER)

    def slow(real: Callable[[], object]) -> object:
        clock.now += 3
        return real()

    store.always("list", slow)
    found = []
    position: str | None = None
    for _ in range(6):
        page = buckets.list_indexes("films", "", 2, position, Deadline(clock.now + 10))
        found += [one.name for one in page.items]
        position = page.after
        if position is None:
            break
    assert found == ["a-a", "z-z"]
    assert clock.now >= 9


def test_without_an_answer_is_refused(store: ScriptedStore, buckets: VectorBuckets, other: Service) -> None:
    create(other, "all")
    store.always("list", no_reply)
    for list_ in (indexes(buckets), all_buckets(buckets)):
        with pytest.raises(StorageSilent):
            list_(10, None)


def test_remembers_a_bounded_number(
    store: ScriptedStore, buckets: VectorBuckets, other: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vectord.service.buckets.listing._MAX_REMEMBERED", 3)
    create(other, *(f"i-{number}" for number in range(9)))
    assert len(names(indexes(buckets))) == 9
    assert len(buckets._listing._remembered) == 3


def test_many_native_indexes_do_not_keep_a_bucket_from_being_deleted(buckets: VectorBuckets, other: Service) -> None:
    for number in range(300):
        other.create(NewIndex(f"films_native-{number}", 2), FOREVER)
    buckets.delete("films", FOREVER)
    with pytest.raises(BucketNotFound):
        buckets.get("films", FOREVER)


def test_a_deletion_finds_an_index_behind_many_native_ones(buckets: VectorBuckets, other: Service) -> None:
    for number in range(300):
        other.create(NewIndex(f"films_native-{number}", 2), FOREVER)
    create(other, "zz-top")
    assert buckets._listing.has_index("films", FOREVER)
    other.delete_index("films_zz-top", FOREVER)
    assert not buckets._listing.has_index("films", FOREVER)


def test_a_bucket_that_is_deleted_during_the_listing_is_left_out(
    store: ScriptedStore, buckets: VectorBuckets, other: Service
) -> None:
    other.buckets.create("books", {}, FOREVER)
    name = ".s3vectors/books"
    store.on("head", after(lambda: store.inner.delete(name, IfMatch(store.inner.etag(name)))))
    assert names(all_buckets(buckets, "books")) == []
