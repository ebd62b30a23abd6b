"""Vector buckets are objects like others, in a folder of their own that no listing of indexes shows."""

import pytest

from tests.support.backends import Backend, S3Backend, s3_store
from vectord.errors import ConditionFailed, ObjectNotFound
from vectord.storage.base import IfAbsent, IfMatch, ObjectHead, Store

FAMILY = ("films", "films-2", "films-20", "films.a", "films.json", "films0", "film", "films-2.json")


def seed(store: Store, *names: str) -> None:
    for name in names:
        store.put(f".s3vectors/{name}", b"{}", IfAbsent(), "seed")


def listed(store: Store, prefix: str, limit: int, after: str | None = None) -> list[str]:
    names: list[str] = []
    while True:
        page = store.list(prefix, limit, after)
        names += [one.name for one in page.objects]
        after = page.after
        if after is None:
            return names


def test_an_object_is_written_changed_and_deleted_under_conditions(backend: Backend) -> None:
    store, name = backend.store, ".s3vectors/films"
    first = store.put(name, b"{}", IfAbsent(), "first")
    with pytest.raises(ConditionFailed):
        store.put(name, b"{}", IfAbsent(), "again")
    second = store.put(name, b'{"a":1}', IfMatch(first), "second")
    assert store.head(name, 100) == ObjectHead(b'{"a":1}', second, 7)
    with pytest.raises(ConditionFailed):
        store.delete(name, IfMatch(first))
    store.delete(name, IfMatch(second))
    with pytest.raises(ObjectNotFound):
        store.head(name, 100)


def test_an_object_is_one_object_in_the_folder_of_vector_buckets(s3: S3Backend) -> None:
    seed(s3.store, "films")
    assert s3.keys() == ["some/_vectors/.s3vectors/films.json"]


def test_a_listing_of_indexes_has_no_buckets_and_one_of_buckets_no_indexes(backend: Backend) -> None:
    seed(backend.store, "films")
    backend.seed("films_all", b"")
    assert listed(backend.store, "", 10) == ["films_all"]
    assert listed(backend.store, ".s3vectors/", 10) == [".s3vectors/films"]
    assert listed(backend.store, ".s3vectors/films_", 10) == []
    assert listed(backend.store, ".", 10) == listed(backend.store, ".s3", 10) == []


def test_a_listing_skips_keys_that_are_not_buckets(s3: S3Backend) -> None:
    seed(s3.store, "films")
    for key in ("films.lhv1", "films.json.bak", ".json", "a/b.json", "with space.json"):
        s3.write(f"{s3.prefix}/.s3vectors/{key}", b"")
    assert listed(s3.store, ".s3vectors/", 10) == [".s3vectors/films"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_buckets_are_listed_by_name(backend: Backend, limit: int) -> None:
    seed(backend.store, *FAMILY)
    expected = [f".s3vectors/{name}" for name in sorted(FAMILY)]
    assert listed(backend.store, ".s3vectors/", limit) == expected
    assert listed(backend.store, ".s3vectors/films", limit) == expected[1:]
    assert listed(backend.store, ".s3vectors/", limit, expected[2]) == expected[3:]


@pytest.mark.slow
def test_an_object_is_found_behind_many_keys_that_begin_with_its_name(s3: S3Backend) -> None:
    names = ["t", "t-a", *(f"t-a-{number:02}" for number in range(20)), "t-b"]
    seed(s3.store, *names)
    store = s3_store(s3.endpoint, s3.bucket, s3.prefix, page=7)
    for limit in (1, 4, 25):
        assert listed(store, ".s3vectors/", limit) == [f".s3vectors/{name}" for name in names]


def test_a_listing_has_the_etag_of_each_object(backend: Backend) -> None:
    etag = backend.store.put(".s3vectors/films", b"{}", IfAbsent(), "seed")
    [bucket] = backend.store.list(".s3vectors/", 10, None).objects
    backend.seed("films_all", b"rows")
    [index] = backend.store.list("", 10, None).objects
    assert (bucket.etag, index.etag) == (etag, backend.store.etag("films_all"))
