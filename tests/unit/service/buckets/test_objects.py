"""Writes of a vector bucket have a known outcome if that is possible; what is read from storage is not trusted."""

from typing import Any

import pytest
from msgspec import structs

from tests.support import services
from tests.support.scripted_store import (
    Real,
    ScriptedStore,
    after,
    arrives_twice,
    fails_with,
    loses_reply,
    loses_reply_then,
    no_reply,
    no_reply_then,
    passes_through,
)
from tests.support.services import FOREVER, Clock
from vectord.errors import ConditionFailed, Contended, OutcomeUnknown, StorageSilent, WriteConflict
from vectord.service.buckets.errors import BucketExists, BucketNotEmpty, BucketNotFound
from vectord.service.buckets.values import NewBucketIndex, VectorBucket, index_name, object_name
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import IfAbsent

NAME = object_name("films")


def refuses_its_own(real: Real) -> None:
    """Execute the call, and answer as if it had arrived a second time."""
    real()
    raise ConditionFailed


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return services.a_service(store, clock=Clock(ids="ours"), retry_policy=RetryPolicy(max_attempts=3))


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    """Another function on the same objects, whose requests are never scripted."""
    return services.a_service(store.inner, clock=Clock(ids="other"))


@pytest.fixture
def films(other: Service) -> VectorBucket:
    return other.buckets.create("films", {"made": "before"}, FOREVER)


def create(service: Service) -> VectorBucket:
    return service.buckets.create("films", {"made": "here"}, FOREVER)


def tag(service: Service, key: str = "a", deadline: Deadline = FOREVER) -> VectorBucket:
    return service.buckets.change(
        "films", lambda bucket: structs.replace(bucket, tags={**bucket.tags, key: "yes"}), deadline
    )


def replace(service: Service) -> None:
    service.buckets.delete("films", FOREVER)
    service.buckets.create("films", {"made": "again"}, FOREVER)


def tags(service: Service) -> dict[str, str]:
    return service.buckets.get("films", FOREVER).tags


class TestCreate:
    def test_is_one_write_and_no_read(self, store: ScriptedStore, service: Service) -> None:
        create(service)
        assert store.requests() == {"put": 1}

    def test_of_a_name_that_exists_is_refused(self, service: Service, films: VectorBucket) -> None:
        with pytest.raises(BucketExists):
            create(service)
        assert service.buckets.get("films", FOREVER) == films_as_stored(service, films)

    @pytest.mark.parametrize("step", [loses_reply, no_reply, arrives_twice, fails_with(WriteConflict())])
    def test_succeeds_once(self, store: ScriptedStore, service: Service, step: Any) -> None:
        store.on("put", step)
        create(service)
        assert tags(service) == {"made": "here"}

    def test_is_recognised_after_a_later_write(self, store: ScriptedStore, service: Service, other: Service) -> None:
        store.on("put", loses_reply_then(lambda: tag(other)))
        create(service)
        assert tags(service) == {"made": "here", "a": "yes"}

    def test_that_another_creation_overtakes_is_refused(
        self, store: ScriptedStore, service: Service, other: Service
    ) -> None:
        store.on("put", no_reply_then(lambda: other.buckets.create("films", {}, FOREVER)))
        with pytest.raises(BucketExists):
            create(service)

    def test_over_an_unreadable_object_is_refused(self, store: ScriptedStore, service: Service) -> None:
        store.inner.put(NAME, b"something else", IfAbsent(), "")
        with pytest.raises(BucketExists):
            create(service)

    def test_without_any_reply_is_unknown(self, store: ScriptedStore, service: Service) -> None:
        store.always("put", no_reply)
        with pytest.raises(OutcomeUnknown, match=r"vector bucket 'films'.* Read the vector bucket"):
            create(service)

    def test_that_is_refused_before_storage_falls_silent_is_unknown(
        self, store: ScriptedStore, service: Service, films: VectorBucket
    ) -> None:
        store.always("head", no_reply)
        with pytest.raises(OutcomeUnknown):
            create(service)

    def test_in_endless_conflicts_writes_nothing(self, store: ScriptedStore, service: Service) -> None:
        store.always("put", fails_with(WriteConflict()))
        with pytest.raises(Contended, match="vector bucket 'films'"):
            create(service)


def films_as_stored(service: Service, films: VectorBucket) -> VectorBucket:
    return structs.replace(films, writes=service.buckets.get("films", FOREVER).writes)


@pytest.mark.usefixtures("films")
class TestChange:
    def test_is_a_read_and_a_write(self, store: ScriptedStore, service: Service) -> None:
        tag(service)
        assert store.requests() == {"head": 1, "put": 1}

    def test_of_nothing_writes_nothing(self, store: ScriptedStore, service: Service) -> None:
        service.buckets.change("films", lambda bucket: structs.replace(bucket, deleting=False), FOREVER)
        assert store.requests() == {"head": 1}

    @pytest.mark.parametrize(
        "step", [loses_reply, no_reply, arrives_twice, refuses_its_own, fails_with(WriteConflict())]
    )
    def test_is_applied_once(self, store: ScriptedStore, service: Service, step: Any) -> None:
        applied = []

        def change(bucket: VectorBucket) -> VectorBucket:
            applied.append(bucket.tags)
            return structs.replace(bucket, tags={**bucket.tags, f"n{len(bucket.tags)}": ""})

        store.on("put", step)
        service.buckets.change("films", change, FOREVER)
        assert tags(service) == {"made": "before", "n1": ""}
        assert all(one == {"made": "before"} for one in applied)

    def test_is_recognised_after_31_later_writes(self, store: ScriptedStore, service: Service, other: Service) -> None:
        store.on("put", loses_reply_then(lambda: [tag(other, f"n{number}") for number in range(31)]))
        tag(service)
        assert store.count("put") == 1

    def test_is_applied_to_what_another_writer_wrote(
        self, store: ScriptedStore, service: Service, other: Service
    ) -> None:
        store.on("put", after(lambda: tag(other, "b")))
        tag(service)
        assert tags(service) == {"made": "before", "b": "yes", "a": "yes"}

    @pytest.mark.parametrize("step", [after, no_reply_then])
    def test_of_a_bucket_that_is_deleted_meanwhile_is_refused(
        self, store: ScriptedStore, service: Service, other: Service, step: Any
    ) -> None:
        store.on("put", step(lambda: other.buckets.delete("films", FOREVER)))
        with pytest.raises(BucketNotFound):
            tag(service)

    def test_without_any_reply_is_unknown(self, store: ScriptedStore, service: Service) -> None:
        store.always("put", no_reply)
        with pytest.raises(OutcomeUnknown):
            tag(service)

    @pytest.mark.parametrize("step", [no_reply, refuses_its_own])
    def test_before_storage_falls_silent_is_unknown(self, store: ScriptedStore, service: Service, step: Any) -> None:
        store.on("put", step)
        store.on("head", passes_through)
        store.always("head", no_reply)
        with pytest.raises(OutcomeUnknown):
            tag(service)

    def test_in_silence_changes_nothing(self, store: ScriptedStore, service: Service) -> None:
        store.always("head", no_reply)
        with pytest.raises(StorageSilent):
            tag(service)

    def test_in_endless_conflicts_changes_nothing(self, store: ScriptedStore, service: Service) -> None:
        store.always("put", fails_with(WriteConflict()))
        with pytest.raises(Contended, match="vector bucket 'films'"):
            tag(service)

    def test_ends_at_its_deadline(self, store: ScriptedStore) -> None:
        clock = Clock()
        service = services.a_service(store, clock=clock, retry_policy=RetryPolicy(max_attempts=1_000))
        store.always("put", no_reply)
        with pytest.raises(OutcomeUnknown):
            tag(service, deadline=Deadline(5.0))
        assert clock.now <= 5.0


@pytest.mark.usefixtures("films")
class TestDelete:
    def test_reads_marks_looks_and_deletes(self, store: ScriptedStore, service: Service) -> None:
        service.buckets.delete("films", FOREVER)
        assert store.requests() == {"head": 2, "list": 2, "put": 1, "delete": 1}

    def test_of_a_missing_bucket_is_refused(self, service: Service) -> None:
        with pytest.raises(BucketNotFound):
            service.buckets.delete("other", FOREVER)

    def test_of_a_bucket_with_an_index_writes_nothing(
        self, store: ScriptedStore, service: Service, other: Service
    ) -> None:
        other.buckets.create_index("films", NewBucketIndex("all", 2, "cosine"), FOREVER)
        with pytest.raises(BucketNotEmpty):
            service.buckets.delete("films", FOREVER)
        assert store.requests() == {"head": 2, "list": 1}

    def test_of_a_bucket_with_an_unreadable_index_is_refused(self, store: ScriptedStore, service: Service) -> None:
        store.inner.put(index_name("films", "all"), b"LHV1 but damaged", IfAbsent(), "")
        with pytest.raises(BucketNotEmpty):
            service.buckets.delete("films", FOREVER)

    @pytest.mark.parametrize("step", [loses_reply, no_reply, fails_with(WriteConflict())])
    @pytest.mark.parametrize("method", ["put", "delete"])
    def test_succeeds_once(self, store: ScriptedStore, service: Service, method: str, step: Any) -> None:
        store.on(method, step)
        service.buckets.delete("films", FOREVER)
        with pytest.raises(BucketNotFound):
            tags(service)

    def test_never_deletes_a_bucket_that_is_created_afterwards(
        self, store: ScriptedStore, service: Service, other: Service
    ) -> None:
        store.on("delete", loses_reply_then(lambda: other.buckets.create("films", {"made": "again"}, FOREVER)))
        service.buckets.delete("films", FOREVER)
        assert tags(service) == {"made": "again"}

    @pytest.mark.parametrize("method", ["put", "delete"])
    def test_that_another_one_overtakes_is_refused(
        self, store: ScriptedStore, service: Service, other: Service, method: str
    ) -> None:
        store.on(method, after(lambda: replace(other)))
        with pytest.raises(BucketNotFound):
            service.buckets.delete("films", FOREVER)
        assert tags(service) == {"made": "again"}

    def test_without_any_reply_is_unknown(self, store: ScriptedStore, service: Service) -> None:
        store.always("delete", no_reply)
        with pytest.raises(OutcomeUnknown):
            service.buckets.delete("films", FOREVER)

    def test_that_may_still_arrive_does_not_report_an_index(
        self, store: ScriptedStore, service: Service, other: Service
    ) -> None:
        def has_index_now() -> None:
            store.inner.put(index_name("films", "all"), b"LHV1 but damaged", IfAbsent(), "")

        store.on("delete", no_reply_then(has_index_now))
        with pytest.raises(OutcomeUnknown):
            service.buckets.delete("films", FOREVER)

    def test_in_endless_conflicts_deletes_nothing(self, store: ScriptedStore, service: Service) -> None:
        store.always("delete", fails_with(WriteConflict()))
        with pytest.raises(Contended, match="vector bucket 'films'"):
            service.buckets.delete("films", FOREVER)
        assert tags(service) == {"made": "before"}
