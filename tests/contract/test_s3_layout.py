"""The keys that the S3 store uses in a bucket, as another client sees them."""

import pytest

from tests.support.backends import S3Backend
from vectord.errors import ConditionFailed, ObjectNotFound
from vectord.storage.base import CopySource, IfAbsent, IfMatch, NotModified, ObjectHead, StoredObject


def names(s3: S3Backend, prefix: str = "", limit: int = 1_000) -> list[str]:
    return [listed.name for listed in s3.store.list(prefix, limit, None).objects]


def test_an_index_is_one_object_under_the_prefix(s3: S3Backend) -> None:
    s3.store.put("t", b"data", IfAbsent(), "a-commit")
    assert s3.keys() == ["some/_vectors/t.lhv1"]


def test_a_put_writes_the_commit_into_the_user_metadata(s3: S3Backend) -> None:
    etag = s3.store.put("t", b"one", IfAbsent(), "first")
    assert s3.user_metadata("t") == {"commit": "first"}
    s3.store.put("t", b"two", IfMatch(etag), "second")
    assert s3.user_metadata("t") == {"commit": "second"}


def test_an_object_that_another_client_wrote_is_read(s3: S3Backend) -> None:
    s3.seed("t", b"copied here")
    found = s3.store.get("t")
    assert isinstance(found, StoredObject)
    assert found.data == b"copied here"


@pytest.mark.parametrize(
    "key",
    [
        "some/_vectors/readme.txt",
        "some/_vectors/t.lhv1.bak",
        "some/_vectors/.lhv1",
        "some/_vectors/.hidden.lhv1",
        "some/_vectors/nested/t.lhv1",
        "some/_vectors/with space.lhv1",
        "some/_vectors/ünï.lhv1",
        "some/_vectors/" + "x" * 129 + ".lhv1",
        "some/_vectors2/t.lhv1",
        "t.lhv1",
    ],
)
def test_a_listing_skips_keys_that_are_not_indexes(s3: S3Backend, key: str) -> None:
    s3.write(key, b"")
    s3.seed("mine", b"")
    assert names(s3) == ["mine"]


def test_a_prefix_does_not_list_folders(s3: S3Backend) -> None:
    s3.write("some/_vectors/nested/t.lhv1", b"")
    assert names(s3, "nested/") == []


def test_a_page_is_full_although_there_are_foreign_keys(s3: S3Backend) -> None:
    for number in range(20):
        s3.write(f"some/_vectors/x{number:02}.txt", b"")
        s3.seed(f"x{number:02}", b"")
    assert len(names(s3, limit=10)) == 10


def test_without_a_prefix_indexes_are_at_the_top_of_the_bucket(s3: S3Backend) -> None:
    store = s3.store_under("")
    store.put("t", b"", IfAbsent(), "a-commit")
    assert s3.keys() == ["t.lhv1"]
    assert [listed.name for listed in store.list("", 10, None).objects] == ["t"]


def test_staged_objects_have_their_own_folder(s3: S3Backend) -> None:
    s3.store.stage(".staging/0123", [b"data"])
    assert s3.keys() == ["some/_vectors/.staging/0123"]


def test_a_splice_writes_the_commit_into_the_user_metadata(s3: S3Backend) -> None:
    etag = s3.store.put("t", b"b" * 2_000, IfAbsent(), "first")
    s3.store.splice("t", b"h" * 2_000, CopySource("t", etag, 0, 2_000), condition=IfMatch(etag), commit="second")
    assert s3.user_metadata("t") == {"commit": "second"}


@pytest.mark.parametrize("name", ["t.%2f", "a.b-c_d", "..", "ü t+&=?#"])
def test_an_object_of_any_key_is_read(s3: S3Backend, name: str) -> None:
    store = s3.store_under("pre fix/ä+/%41")
    etag = store.put(name, b"0123", IfAbsent(), "a-commit")
    assert store.etag(name) == etag
    assert store.read(name, etag, [(1, 3)]) == [b"12"]


@pytest.mark.parametrize("name", ["t.%2f", "a.b-c_d", "ü t+&=?#"])
def test_an_object_of_any_key_can_be_spliced(s3: S3Backend, name: str) -> None:
    store = s3.store_under("pre fix/ä+/%41")
    etag = store.put(name, b"b" * 2_000, IfAbsent(), "first")
    source = CopySource(name, etag, 1, 2_000)
    new = store.splice(name, b"h" * 2_000, source, condition=IfMatch(etag), commit="second")
    assert store.get(name) == StoredObject(b"h" * 2_000 + b"b" * 1_999, new)


@pytest.mark.parametrize("prefix", ["a//b", "a/./b", "a/../b", "tab\there"])
def test_a_prefix_that_obstore_cannot_express_is_read_by_boto3(s3: S3Backend, prefix: str) -> None:
    store = s3.store_under(prefix)
    etag = store.put("t", b"0123", IfAbsent(), "a-commit")
    assert s3.keys() == [f"{prefix}/t.lhv1"]
    assert store.etag("t") == etag
    assert store.get("t") == StoredObject(b"0123", etag)
    assert store.get("t", etag) == NotModified()
    assert store.head("t", 2) == ObjectHead(b"01", etag, 4)
    assert store.read("t", etag, [(1, 3), (0, 1)]) == [b"12", b"0"]
    with pytest.raises(ConditionFailed):
        store.read("t", '"another"', [(1, 3)])
    with pytest.raises(ObjectNotFound):
        store.get("u")
