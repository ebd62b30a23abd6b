"""Create, describe, change and delete the indexes of a vector bucket."""

from typing import Any

import pytest
from msgspec import structs

from tests.support import services
from tests.support.scripted_store import (
    ScriptedStore,
    after,
    arrives_twice,
    fails_with,
    loses_reply,
    no_reply,
    passes_through,
)
from tests.support.services import FOREVER, Clock, vector
from vectord.errors import (
    BlobCorrupt,
    Contended,
    IndexExists,
    IndexNotFound,
    OutcomeUnknown,
    RequestInvalid,
    WriteConflict,
)
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Params
from vectord.service.buckets.buckets import VectorBuckets
from vectord.service.buckets.errors import BucketNotFound
from vectord.service.buckets.values import DescribedIndex, NewBucketIndex
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfAbsent, IfMatch

NEW = NewBucketIndex("all", 2, "euclidean", ("text",), {"made": "here"})
NAME = "films_all"


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    """Another function on the same objects, whose requests are never scripted."""
    return services.a_service(store.inner, clock=Clock(ids="other"))


@pytest.fixture
def buckets(store: ScriptedStore, other: Service) -> VectorBuckets:
    """The use cases on a store that has the bucket `films`."""
    other.buckets.create("films", {}, FOREVER)
    ours = services.a_service(store, clock=Clock(ids="ours"), retry_policy=RetryPolicy(max_attempts=3)).buckets
    ours._clock = lambda: 1_790_000_000.9
    return ours


def create(buckets: VectorBuckets) -> DescribedIndex:
    return buckets.create_index("films", NEW, FOREVER)


def tag(buckets: VectorBuckets) -> DescribedIndex:
    return buckets.change_index("films", "all", lambda index: structs.replace(index, tags={"a": "b"}), FOREVER)


class TestCreate:
    def test_stores_what_was_requested(self, buckets: VectorBuckets) -> None:
        stored = BucketIndex(1_790_000_000, ("text",), {"made": "here"}, "ENHANCED")
        described = DescribedIndex(Params(NAME, 2, distance="euclidean"), stored)
        assert create(buckets) == described
        assert buckets.describe_index("films", "all", FOREVER) == described

    def test_gives_the_index_the_default_mode_of_its_bucket(self, buckets: VectorBuckets) -> None:
        buckets.change("films", lambda bucket: structs.replace(bucket, default_index_mode="CLASSIC"), FOREVER)
        assert create(buckets).stored.mode == "CLASSIC"

    def test_reads_the_bucket_before_and_after_one_write(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        create(buckets)
        assert [method for method, *_ in store.calls] == ["head", "staged", "put", "head"]

    def test_needs_the_bucket(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        with pytest.raises(BucketNotFound):
            buckets.create_index("other", NEW, FOREVER)
        assert store.requests() == {"head": 1}

    def test_of_a_dimension_out_of_range_is_refused(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        with pytest.raises(RequestInvalid):
            buckets.create_index("films", structs.replace(NEW, dimension=4_097), FOREVER)
        assert store.count("put") == 0

    @pytest.mark.parametrize("native", [False, True])
    def test_of_a_name_that_is_taken_is_refused(self, buckets: VectorBuckets, other: Service, native: bool) -> None:
        if native:
            other.create(NewIndex(NAME, 9), FOREVER)
        else:
            other.buckets.create_index("films", structs.replace(NEW, dimension=9), FOREVER)
        with pytest.raises(IndexExists):
            create(buckets)
        assert other.describe(NAME, FOREVER).params.dimension == 9

    @pytest.mark.parametrize("step", [loses_reply, no_reply, arrives_twice, fails_with(WriteConflict())])
    def test_succeeds_once(self, store: ScriptedStore, buckets: VectorBuckets, step: Any) -> None:
        store.on("put", step)
        assert create(buckets) == buckets.describe_index("films", "all", FOREVER)

    def test_is_unknown_if_the_bucket_cannot_be_read_afterwards(
        self, store: ScriptedStore, buckets: VectorBuckets
    ) -> None:
        store.on("head", passes_through, *[no_reply] * 5)
        with pytest.raises(OutcomeUnknown):
            create(buckets)

    def test_takes_the_mark_of_a_deletion_away_without_a_line_in_the_audit_log(
        self, buckets: VectorBuckets, other: Service
    ) -> None:
        other.buckets.change("films", lambda bucket: structs.replace(bucket, deleting=True), FOREVER)
        create(buckets)
        assert not other.buckets.get("films", FOREVER).deleting
        assert [commit.name for commit in buckets._reader.environment.meter.commits] == [NAME]

    def test_in_a_bucket_that_is_deleted_removes_its_index_with_what_others_added(
        self, store: ScriptedStore, buckets: VectorBuckets, other: Service
    ) -> None:
        def delete_and_add() -> None:
            delete_bucket_object(store)
            other.add(NAME, [vector("a", 1, 0)], FOREVER)

        store.on("head", passes_through, after(delete_and_add))
        with pytest.raises(BucketNotFound):
            create(buckets)
        assert other.list_indexes("", 10, None, FOREVER).objects == ()

    def test_in_a_bucket_that_is_deleted_is_unknown_if_its_index_may_remain(
        self, store: ScriptedStore, buckets: VectorBuckets
    ) -> None:
        store.on("head", passes_through, after(lambda: delete_bucket_object(store)))
        store.always("delete", no_reply)
        with pytest.raises(OutcomeUnknown):
            create(buckets)


def delete_bucket_object(store: ScriptedStore) -> None:
    """Delete the object of the bucket, as a deletion does that found no index."""
    store.inner.delete(".s3vectors/films", IfMatch(store.inner.etag(".s3vectors/films")))


class TestDescribe:
    def test_reads_the_head_alone(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        create(buckets)
        store.calls.clear()
        buckets.describe_index("films", "all", FOREVER)
        assert store.requests() == {"head": 1}

    def test_reads_a_long_envelope_to_its_end(
        self, store: ScriptedStore, buckets: VectorBuckets, other: Service
    ) -> None:
        create(buckets)
        other.add(NAME, [vector(f"{number:04}" + "x" * 1_000, 1, 0) for number in range(200)], FOREVER)
        assert buckets.describe_index("films", "all", FOREVER).stored.tags == {"made": "here"}
        assert store.count("read") == 1

    def test_starts_over_if_the_index_changes_between_two_reads(
        self, store: ScriptedStore, buckets: VectorBuckets, other: Service
    ) -> None:
        create(buckets)
        other.add(NAME, [vector(f"{number:04}" + "x" * 1_000, 1, 0) for number in range(200)], FOREVER)
        store.on("read", after(lambda: tag(other.buckets)))
        assert buckets.describe_index("films", "all", FOREVER).stored.tags == {"a": "b"}

    @pytest.mark.parametrize("shards", [1, 2])
    def test_of_a_native_index_is_refused(self, buckets: VectorBuckets, other: Service, shards: int) -> None:
        other.create(NewIndex(NAME, 2, shards=shards), FOREVER)
        for use in (lambda: buckets.describe_index("films", "all", FOREVER), lambda: tag(buckets)):
            with pytest.raises(IndexNotFound):
                use()

    def test_of_a_missing_index_is_refused(self, buckets: VectorBuckets) -> None:
        with pytest.raises(IndexNotFound):
            buckets.describe_index("films", "all", FOREVER)

    def test_of_a_damaged_index_names_it(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        store.inner.put(NAME, b"LHV1 but damaged", IfAbsent(), "")
        with pytest.raises(BlobCorrupt, match=NAME):
            buckets.describe_index("films", "all", FOREVER)


class TestChange:
    def test_is_one_commit(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        create(buckets)
        store.calls.clear()
        assert tag(buckets).stored.tags == {"a": "b"}
        assert store.count("put") == 1
        assert buckets.describe_index("films", "all", FOREVER).stored.tags == {"a": "b"}

    def test_of_nothing_writes_nothing(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        create(buckets)
        store.calls.clear()
        assert buckets.change_index("films", "all", lambda index: index, FOREVER).stored.tags == {"made": "here"}
        assert store.count("put") == 0

    def test_leaves_vectors_alone(self, buckets: VectorBuckets, other: Service) -> None:
        create(buckets)
        other.add(NAME, [vector("a", 1, 0)], FOREVER)
        tag(buckets)
        assert other.lookup(NAME, "a", FOREVER).vector.tolist() == [1, 0]


class TestDelete:
    def test_removes_the_object(self, buckets: VectorBuckets, other: Service) -> None:
        create(buckets)
        buckets.delete_index("films", "all", FOREVER)
        assert other.list_indexes("", 10, None, FOREVER).objects == ()

    def test_a_second_time_is_refused(self, buckets: VectorBuckets) -> None:
        create(buckets)
        buckets.delete_index("films", "all", FOREVER)
        with pytest.raises(IndexNotFound):
            buckets.delete_index("films", "all", FOREVER)

    @pytest.mark.parametrize("shards", [1, 2])
    def test_leaves_a_native_index(self, buckets: VectorBuckets, other: Service, shards: int) -> None:
        other.create(NewIndex(NAME, 2, shards=shards), FOREVER)
        with pytest.raises(IndexNotFound):
            buckets.delete_index("films", "all", FOREVER)
        assert other.describe(NAME, FOREVER).count == 0

    def test_leaves_a_damaged_object(self, store: ScriptedStore, buckets: VectorBuckets) -> None:
        store.inner.put(NAME, b"LHV1 but damaged", IfAbsent(), "")
        with pytest.raises(BlobCorrupt):
            buckets.delete_index("films", "all", FOREVER)
        assert store.count("delete") == 0

    @pytest.mark.parametrize("step", [loses_reply, no_reply, fails_with(WriteConflict())])
    def test_succeeds_once(self, store: ScriptedStore, buckets: VectorBuckets, other: Service, step: Any) -> None:
        create(buckets)
        store.on("delete", step)
        buckets.delete_index("films", "all", FOREVER)
        assert other.list_indexes("", 10, None, FOREVER).objects == ()

    def test_of_an_index_that_changes_each_time_is_refused(
        self, store: ScriptedStore, buckets: VectorBuckets, other: Service
    ) -> None:
        create(buckets)
        numbers = iter(range(99))
        store.always("etag", after(lambda: other.add(NAME, [vector(f"{next(numbers)}", 1, 0)], FOREVER)))
        with pytest.raises(Contended):
            buckets.delete_index("films", "all", FOREVER)

    def test_of_an_index_makes_room_for_a_new_one(self, buckets: VectorBuckets) -> None:
        create(buckets)
        buckets.delete_index("films", "all", FOREVER)
        assert buckets.create_index("films", NewBucketIndex("all", 3, "cosine"), FOREVER).stored.tags == {}
