"""Creations and deletions that two processes request at the same moment: the result is that of one of the orders."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.clients.conftest import new_bucket
from tests.clients.racer import Call, Pair, pair
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import Stack

CLIENT = "boto3 in two processes"
LEADS = [0.002 * step for step in range(-8, 9)]  # seconds: a call takes about 20 ms
CONFLICT, GONE = "ConflictException", "NotFoundException"


@pytest.fixture(scope="module")
def racers(s3vectors: Any) -> Iterator[Pair]:
    with pair() as made:
        yield made


def create_index(bucket: str, name: str = "films") -> Call:
    target = {"vectorBucketName": bucket, "indexName": name}
    return "create_index", {**target, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}


def delete_index(bucket: str) -> Call:
    return "delete_index", {"vectorBucketName": bucket, "indexName": "films"}


def put(bucket: str) -> Call:
    vectors = [{"key": "a", "data": {"float32": [1, 0]}}]
    return "put_vectors", {"vectorBucketName": bucket, "indexName": "films", "vectors": vectors}


def outcome(client: Any, call: Call) -> str:
    try:
        getattr(client, call[0])(**call[1])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"


def test_one_of_two_creations_of_a_bucket_wins(racers: Pair, s3vectors: Any) -> None:
    for lead in LEADS:
        bucket = f"bucket-{uuid4()}"
        create = ("create_vector_bucket", {"vectorBucketName": bucket})
        assert sorted(racers.race(create, create, lead)) == [CONFLICT, "done"]
        s3vectors.delete_vector_bucket(vectorBucketName=bucket)


def test_one_of_two_creations_of_an_index_wins(racers: Pair, s3vectors: Any, bucket: str) -> None:
    for lead in LEADS:
        assert sorted(racers.race(create_index(bucket), create_index(bucket), lead)) == [CONFLICT, "done"]
        s3vectors.delete_index(vectorBucketName=bucket, indexName="films")


def test_an_index_is_created_or_its_bucket_is_deleted_but_never_both(
    racers: Pair, s3vectors: Any, stack: Stack
) -> None:
    """An index never outlives its bucket, not even in the native API."""
    # Both may give way to the other: then the bucket is there, without the index.
    left = {("done", CONFLICT): (True, True), (GONE, "done"): (False, False), (GONE, CONFLICT): (True, False)}
    for lead in LEADS:
        bucket = new_bucket(s3vectors)
        delete = ("delete_vector_bucket", {"vectorBucketName": bucket})
        codes = racers.race(create_index(bucket), delete, lead)
        assert codes in left
        found = outcome(s3vectors, ("get_vector_bucket", {"vectorBucketName": bucket})) == "done"
        with closing(Client(HOST, stack.port, stack.path)) as native:
            status, _ = native.exchange("GET", f"/indexes/{bucket}_films")
        assert (found, status == 200) == left[codes]


def test_a_put_is_stored_or_its_index_is_gone(racers: Pair, s3vectors: Any, bucket: str) -> None:
    for lead in LEADS:
        s3vectors.create_index(**create_index(bucket)[1])
        put_code, delete_code = racers.race(put(bucket), delete_index(bucket), lead)
        assert (put_code in {"done", GONE}, delete_code) == (True, "done")
        assert outcome(s3vectors, put(bucket)) == GONE


def test_a_bucket_that_is_deleted_and_created_at_once_is_there_or_not_and_works(racers: Pair, s3vectors: Any) -> None:
    for lead in LEADS:
        bucket = new_bucket(s3vectors)
        calls = [(method, {"vectorBucketName": bucket}) for method in ("create_vector_bucket", "delete_vector_bucket")]
        created, deleted = racers.race(*calls, lead)
        assert deleted == "done"
        assert created in {"done", CONFLICT}
        expected = "done" if created == "done" else GONE
        assert outcome(s3vectors, create_index(bucket)) == expected
