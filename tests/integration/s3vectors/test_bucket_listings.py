"""Listings of vector buckets and indexes through boto3's paginators: complete, in order, and bound to their request."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.s3vectors import client

FAMILY = ("all", "all-2", "all-20", "all.a", "all.json", "all.lhv1", "all0", "al0", "b-c")


@pytest.fixture
def s3vectors(api: Api) -> Any:
    made = client(api, parameter_validation=False)
    made.create_vector_bucket(vectorBucketName="films")
    return made


def create_indexes(s3vectors: Any, names: Sequence[str], bucket: str = "films") -> None:
    for name in random.Random(1).sample(names, len(names)):
        s3vectors.create_index(
            vectorBucketName=bucket, indexName=name, dataType="float32", dimension=1, distanceMetric="euclidean"
        )


def listed_indexes(s3vectors: Any, size: int | None = None, **more: Any) -> list[str]:
    pages = s3vectors.get_paginator("list_indexes").paginate(
        vectorBucketName="films", PaginationConfig={"PageSize": size}, **more
    )
    return [one["indexName"] for page in pages for one in page["indexes"]]


def listed_buckets(s3vectors: Any, size: int | None = None, **more: Any) -> list[str]:
    pages = s3vectors.get_paginator("list_vector_buckets").paginate(PaginationConfig={"PageSize": size}, **more)
    return [one["vectorBucketName"] for page in pages for one in page["vectorBuckets"]]


@pytest.mark.parametrize("size", [1, 4, None])
@pytest.mark.slow
def test_indexes_are_listed_by_name(s3vectors: Any, size: int | None) -> None:
    create_indexes(s3vectors, FAMILY)
    assert listed_indexes(s3vectors, size) == sorted(FAMILY)
    assert listed_indexes(s3vectors, size, prefix="all-") == ["all-2", "all-20"]


@pytest.mark.parametrize("size", [1, 4, None])
def test_buckets_are_listed_by_name(s3vectors: Any, size: int | None) -> None:
    for name in FAMILY:
        s3vectors.create_vector_bucket(vectorBucketName=name)
    assert listed_buckets(s3vectors, size) == sorted([*FAMILY, "films"])
    assert listed_buckets(s3vectors, size, prefix="all-") == ["all-2", "all-20"]


def test_a_listed_item_has_name_arn_and_time(s3vectors: Any) -> None:
    create_indexes(s3vectors, ["all"])
    [index] = s3vectors.list_indexes(vectorBucketName="films")["indexes"]
    described = s3vectors.get_index(vectorBucketName="films", indexName="all")["index"]
    assert index == {key: described[key] for key in ("vectorBucketName", "indexName", "indexArn", "creationTime")}
    [bucket] = s3vectors.list_vector_buckets()["vectorBuckets"]
    described = s3vectors.get_vector_bucket(vectorBucketName="films")["vectorBucket"]
    assert bucket == {key: described[key] for key in ("vectorBucketName", "vectorBucketArn", "creationTime")}


def test_native_indexes_and_other_buckets_are_not_listed(api: Api, s3vectors: Any) -> None:
    s3vectors.create_vector_bucket(vectorBucketName="films-2")
    create_indexes(s3vectors, ["all"], "films-2")
    for name in ("films", "films_native", "films_all-2", "films_a_b"):
        assert api.create(name).status == 201
    assert listed_indexes(s3vectors) == []


def test_an_object_that_cannot_be_read_does_not_end_a_listing(on_s3_in_one_process: Api, bucket: S3Backend) -> None:
    s3vectors = client(on_s3_in_one_process)
    s3vectors.create_vector_bucket(vectorBucketName="films")
    create_indexes(s3vectors, ["a-a", "b-b", "c-c", "d-d"])
    blob = bucket.read(bucket.key("films_b-b"))
    bucket.write(bucket.key("films_b-b"), blob.replace(b'"created"', b'"CREATED"'))
    bucket.write(bucket.key("films_c-c"), b"")
    bucket.write(f"{bucket.prefix}/.s3vectors/books.json", b'{"name":"books"}')
    assert listed_indexes(s3vectors, 1) == ["a-a", "d-d"]
    assert listed_buckets(s3vectors, 1) == ["films"]
    for call, arguments in (
        (s3vectors.get_index, {"vectorBucketName": "films", "indexName": "c-c"}),
        (s3vectors.get_vector_bucket, {"vectorBucketName": "books"}),
    ):
        with pytest.raises(ClientError) as raised:
            call(**arguments)
        assert raised.value.response["Error"]["Code"] == "InternalServerException"


class TestToken:
    @pytest.fixture
    def token(self, s3vectors: Any) -> str:
        create_indexes(s3vectors, ["a-a", "b-b", "c-c"])
        found: str = s3vectors.list_indexes(vectorBucketName="films", maxResults=1)["nextToken"]
        return found

    def test_continues_after_the_last_item_of_its_page(self, s3vectors: Any, token: str) -> None:
        page = s3vectors.list_indexes(vectorBucketName="films", maxResults=500, nextToken=token)
        assert [one["indexName"] for one in page["indexes"]] == ["b-b", "c-c"]
        assert "nextToken" not in page

    def test_continues_after_an_item_that_was_deleted(self, s3vectors: Any, token: str) -> None:
        s3vectors.delete_index(vectorBucketName="films", indexName="a-a")
        page = s3vectors.list_indexes(vectorBucketName="films", nextToken=token)
        assert [one["indexName"] for one in page["indexes"]] == ["b-b", "c-c"]

    def test_of_another_request_is_refused(self, s3vectors: Any, token: str) -> None:
        s3vectors.create_vector_bucket(vectorBucketName="books")
        for call in (
            lambda: s3vectors.list_indexes(vectorBucketName="books", nextToken=token),
            lambda: s3vectors.list_indexes(vectorBucketName="films", prefix="a", nextToken=token),
            lambda: s3vectors.list_vector_buckets(nextToken=token),
        ):
            assert "nextToken" in refused(call)

    def test_that_was_changed_is_refused(self, s3vectors: Any, token: str) -> None:
        for changed in (token[:-1], token + "A", token[1:], token.swapcase(), "é", "\ud800", "x" * 512, f" {token}"):
            assert refused(lambda changed=changed: s3vectors.list_indexes(vectorBucketName="films", nextToken=changed))  # type: ignore[misc]

    def test_has_at_most_512_characters(self, s3vectors: Any) -> None:
        s3vectors.create_vector_bucket(vectorBucketName="b" * 63)
        create_indexes(s3vectors, ["i" * 62 + "1", "i" * 62 + "2"], "b" * 63)
        token = s3vectors.list_indexes(vectorBucketName="b" * 63, maxResults=1)["nextToken"]
        assert len(token) <= 512


@pytest.mark.parametrize(
    "more", [{"maxResults": 0}, {"maxResults": 501}, {"nextToken": ""}, {"prefix": ""}, {"prefix": "x" * 64}]
)
def test_values_out_of_range_are_refused(s3vectors: Any, more: Any) -> None:
    assert refused(lambda: s3vectors.list_indexes(vectorBucketName="films", **more))
    assert refused(lambda: s3vectors.list_vector_buckets(**more))


@pytest.mark.parametrize("prefix", ["_", "films_", "É", "a/b", ".", "-"])
def test_a_prefix_that_no_name_begins_with_lists_nothing(s3vectors: Any, prefix: str) -> None:
    create_indexes(s3vectors, ["all"])
    assert (listed_indexes(s3vectors, prefix=prefix), listed_buckets(s3vectors, prefix=prefix)) == ([], [])


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    message: str = raised.value.response["Error"]["Message"]
    return message


@pytest.mark.slow
def test_thousands_of_indexes_and_buckets_are_listed(s3vectors: Any) -> None:
    indexes = sorted(f"index-{number}" for number in range(2_500))
    buckets = sorted([*(f"bucket-{number}" for number in range(1_200)), "films"])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: create_indexes(s3vectors, part), _parts(indexes)))
        list(pool.map(lambda name: s3vectors.create_vector_bucket(vectorBucketName=name), set(buckets) - {"films"}))
    assert listed_indexes(s3vectors) == indexes
    assert listed_indexes(s3vectors, 77, prefix="index-1") == [name for name in indexes if name.startswith("index-1")]
    assert listed_buckets(s3vectors) == buckets


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), 100):
        yield names[start : start + 100]
