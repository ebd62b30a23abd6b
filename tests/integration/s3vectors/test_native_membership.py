"""Which indexes a vector bucket has: what the native API does to them, and native indexes beside it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.s3vectors import ARN_PREFIX, client

INDEX = f"{ARN_PREFIX}:bucket/films/index/all"


@pytest.fixture
def s3vectors(api_with_versions: Api) -> Any:
    """A client of a deployment that has a vector bucket."""
    made = client(api_with_versions)
    made.create_vector_bucket(vectorBucketName="films")
    return made


def create_index(s3vectors: Any, name: str = "all") -> None:
    s3vectors.create_index(
        vectorBucketName="films",
        indexName=name,
        dataType="float32",
        dimension=2,
        distanceMetric="cosine",
        tags={"made": "here"},
    )


def listed(s3vectors: Any) -> list[str]:
    return [one["indexName"] for one in s3vectors.list_indexes(vectorBucketName="films")["indexes"]]


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    found: str = raised.value.response["Error"]["Code"]
    return found


def test_an_index_of_a_bucket_is_a_native_index(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    [native] = api_with_versions.send("GET", "/indexes").json["indexes"]
    assert native["name"] == "films_all"
    described = api_with_versions.send("GET", "/indexes/films_all").json
    assert described["index"]["dimension"] == 2
    assert not {"s3vectors", "tags", "created", "mode"} & (described.keys() | described["index"].keys())


@pytest.mark.parametrize("shards", [1, 2])
def test_a_native_index_does_not_exist_in_a_bucket_but_takes_its_name(
    api_with_versions: Api, s3vectors: Any, shards: int
) -> None:
    api_with_versions.create("films_all", shards=shards)
    assert listed(s3vectors) == []
    for call in (
        lambda: s3vectors.get_index(indexArn=INDEX),
        lambda: s3vectors.delete_index(indexArn=INDEX),
        lambda: s3vectors.update_index_mode(indexArn=INDEX, indexMode="CLASSIC"),
        lambda: s3vectors.list_tags_for_resource(resourceArn=INDEX),
        lambda: s3vectors.tag_resource(resourceArn=INDEX, tags={"a": "b"}),
    ):
        assert code(call) == "NotFoundException"
    assert code(lambda: create_index(s3vectors)) == "ConflictException"
    s3vectors.delete_vector_bucket(vectorBucketName="films")
    assert api_with_versions.send("GET", "/indexes/films_all").status == 200


def test_a_native_deletion_removes_the_index_and_its_tags(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    assert api_with_versions.send("DELETE", "/indexes/films_all").status == 204
    assert listed(s3vectors) == []
    assert code(lambda: s3vectors.list_tags_for_resource(resourceArn=INDEX)) == "NotFoundException"
    s3vectors.delete_vector_bucket(vectorBucketName="films")


def test_an_index_deleted_in_a_bucket_can_be_created_natively(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    s3vectors.delete_index(indexArn=INDEX)
    assert api_with_versions.create("films_all").status == 201
    assert listed(s3vectors) == []


def test_vectors_and_tags_of_one_index_change_through_both_apis(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    assert api_with_versions.add({"id": "a", "vector": [1, 0]}, name="films_all").status == 200
    s3vectors.tag_resource(resourceArn=INDEX, tags={"more": ""})
    assert api_with_versions.add({"id": "b", "vector": [0, 1]}, name="films_all").json["count"] == 2
    assert s3vectors.list_tags_for_resource(resourceArn=INDEX)["tags"] == {"made": "here", "more": ""}


def test_a_restored_index_stays_in_its_bucket_with_its_present_tags(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    before = api_with_versions.send("GET", "/indexes/films_all").etag
    s3vectors.tag_resource(resourceArn=INDEX, tags={"more": ""})
    api_with_versions.add({"id": "a", "vector": [1, 0]}, name="films_all")
    restored = api_with_versions.send("POST", "/indexes/films_all/restore", {"as_of": before})
    assert (restored.status, restored.json["count"]) == (200, 0)
    assert listed(s3vectors) == ["all"]
    assert s3vectors.list_tags_for_resource(resourceArn=INDEX)["tags"] == {"made": "here", "more": ""}


def test_an_index_restored_after_its_deletion_is_in_its_bucket_again(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    before = api_with_versions.send("GET", "/indexes/films_all").etag
    s3vectors.delete_index(indexArn=INDEX)
    s3vectors.delete_vector_bucket(vectorBucketName="films")
    assert api_with_versions.send("POST", "/indexes/films_all/restore", {"as_of": before}).status == 200
    s3vectors.create_vector_bucket(vectorBucketName="films")
    assert listed(s3vectors) == ["all"]
    assert s3vectors.list_tags_for_resource(resourceArn=INDEX)["tags"] == {"made": "here"}


def test_a_copy_is_a_native_index(api_with_versions: Api, s3vectors: Any) -> None:
    create_index(s3vectors)
    assert api_with_versions.send("POST", "/indexes/films_all/copy", {"to": "films_copy"}).status == 201
    assert listed(s3vectors) == ["all"]
    arn = f"{ARN_PREFIX}:bucket/films/index/copy"
    assert code(lambda: s3vectors.get_index(indexArn=arn)) == "NotFoundException"


def test_the_native_api_reaches_no_vector_bucket(api_with_versions: Api, s3vectors: Any) -> None:
    assert api_with_versions.send("GET", "/indexes").json["indexes"] == []
    for path in ("/indexes/.s3vectors%2Ffilms", "/indexes/.s3vectors"):
        assert api_with_versions.send("GET", path).status == 404
        assert api_with_versions.send("DELETE", path).status == 404
    assert s3vectors.list_vector_buckets()["vectorBuckets"]
