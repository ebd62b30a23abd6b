"""Vector buckets and their indexes through boto3: create, get and delete them, and change modes and configuration."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.s3vectors import ARN_PREFIX, client

FILMS_ARN = f"{ARN_PREFIX}:bucket/films"
INDEX_ARN = f"{FILMS_ARN}/index/all"
NO_BUCKET = (404, "NotFoundException", "The specified vector bucket could not be found")
NO_INDEX = (404, "NotFoundException", "The specified index could not be found")


@pytest.fixture
def s3vectors(api: Api) -> Any:
    """A client without the checks of botocore, of a deployment that has the vector bucket `films`."""
    made = client(api, parameter_validation=False)
    made.create_vector_bucket(vectorBucketName="films")
    return made


def create_index(s3vectors: Any, name: str = "all", bucket: str = "films", **more: Any) -> Any:
    arguments = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine", **more}
    return s3vectors.create_index(vectorBucketName=bucket, indexName=name, **arguments)


def get_index(s3vectors: Any, name: str = "all") -> Any:
    return s3vectors.get_index(vectorBucketName="films", indexName=name)["index"]


def error(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Return status, code and message of the error that a call gets."""
    with pytest.raises(ClientError) as raised:
        call()
    answer = raised.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def refused(call: Callable[[], Any]) -> str:
    """Return the message of the ValidationException that a call gets."""
    status, code, message = error(call)
    assert (status, code) == (400, "ValidationException")
    return message


class TestBucket:
    def test_shows_what_aws_shows(self, s3vectors: Any) -> None:
        created = s3vectors.create_vector_bucket(vectorBucketName="books.2026-a")
        assert created["vectorBucketArn"] == f"{ARN_PREFIX}:bucket/books.2026-a"
        by_name = s3vectors.get_vector_bucket(vectorBucketName="books.2026-a")["vectorBucket"]
        by_arn = s3vectors.get_vector_bucket(vectorBucketArn=created["vectorBucketArn"])["vectorBucket"]
        assert by_name == by_arn
        assert abs(by_name.pop("creationTime") - datetime.now(UTC)) < timedelta(minutes=1)
        assert by_name == {
            "vectorBucketName": "books.2026-a",
            "vectorBucketArn": created["vectorBucketArn"],
            "encryptionConfiguration": {"sseType": "AES256"},
            "defaultIndexMode": "ENHANCED",
        }

    def test_that_exists_cannot_be_created(self, s3vectors: Any) -> None:
        assert error(lambda: s3vectors.create_vector_bucket(vectorBucketName="films")) == (
            409,
            "ConflictException",
            "A vector bucket with the specified name already exists",
        )

    @pytest.mark.parametrize("name", ["a_b", "A-b", "-ab", "ab-", ".ab", "é-é", "a b", "a/b", "a\n-b", "ab\n"])
    def test_has_a_name_of_a_bucket(self, s3vectors: Any, name: str) -> None:
        assert refused(lambda: s3vectors.create_vector_bucket(vectorBucketName=name)) == "Invalid vector bucket name"
        assert refused(lambda: s3vectors.get_vector_bucket(vectorBucketName=name)) == "Invalid vector bucket name"

    def test_that_is_missing_is_not_found(self, s3vectors: Any) -> None:
        for call in (
            s3vectors.get_vector_bucket,
            s3vectors.delete_vector_bucket,
            s3vectors.list_indexes,
            s3vectors.get_vector_bucket_policy,
            s3vectors.delete_vector_bucket_policy,
        ):
            assert error(partial(call, vectorBucketName="other")) == NO_BUCKET
        assert error(lambda: create_index(s3vectors, bucket="other")) == NO_BUCKET

    def test_can_be_deleted_once(self, s3vectors: Any) -> None:
        s3vectors.delete_vector_bucket(vectorBucketArn=FILMS_ARN)
        assert error(lambda: s3vectors.delete_vector_bucket(vectorBucketName="films")) == NO_BUCKET
        assert s3vectors.list_vector_buckets()["vectorBuckets"] == []

    def test_with_an_index_cannot_be_deleted(self, s3vectors: Any) -> None:
        create_index(s3vectors)
        assert error(lambda: s3vectors.delete_vector_bucket(vectorBucketName="films")) == (
            409,
            "ConflictException",
            "The specified vector bucket is not empty",
        )
        s3vectors.delete_index(vectorBucketName="films", indexName="all")
        s3vectors.delete_vector_bucket(vectorBucketName="films")

    def test_that_is_created_again_has_nothing_of_the_one_before(self, s3vectors: Any) -> None:
        s3vectors.tag_resource(resourceArn=FILMS_ARN, tags={"a": "b"})
        s3vectors.put_vector_bucket_default_index_mode(vectorBucketName="films", defaultIndexMode="CLASSIC")
        s3vectors.delete_vector_bucket(vectorBucketName="films")
        s3vectors.create_vector_bucket(vectorBucketName="films")
        assert s3vectors.list_tags_for_resource(resourceArn=FILMS_ARN)["tags"] == {}
        found = s3vectors.get_vector_bucket(vectorBucketName="films")["vectorBucket"]
        assert found["defaultIndexMode"] == "ENHANCED"


class TestIndex:
    def test_shows_what_was_requested(self, s3vectors: Any) -> None:
        configuration = {"nonFilterableMetadataKeys": ["text", "é" * 63]}
        created = create_index(
            s3vectors,
            dimension=4_096,
            distanceMetric="euclidean",
            metadataConfiguration=configuration,
            encryptionConfiguration={"sseType": "AES256"},
        )
        assert created["indexArn"] == INDEX_ARN
        found = get_index(s3vectors)
        assert s3vectors.get_index(indexArn=INDEX_ARN)["index"] == found
        assert abs(found.pop("creationTime") - datetime.now(UTC)) < timedelta(minutes=1)
        assert found == {
            "vectorBucketName": "films",
            "indexName": "all",
            "indexArn": INDEX_ARN,
            "dataType": "float32",
            "dimension": 4_096,
            "distanceMetric": "euclidean",
            "metadataConfiguration": configuration,
            "encryptionConfiguration": {"sseType": "AES256"},
            "indexMode": "ENHANCED",
        }

    @pytest.mark.parametrize("more", [{}, {"metadataConfiguration": {}}, {"metadataConfiguration": None}])
    def test_without_metadata_configuration_shows_none(self, s3vectors: Any, more: Any) -> None:
        create_index(s3vectors, **more)
        assert "metadataConfiguration" not in get_index(s3vectors)

    def test_has_each_non_filterable_key_once(self, s3vectors: Any) -> None:
        create_index(s3vectors, metadataConfiguration={"nonFilterableMetadataKeys": ["b", "a", "b"]})
        assert get_index(s3vectors)["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["b", "a"]}

    def test_can_be_created_by_the_arn_of_its_bucket(self, s3vectors: Any) -> None:
        s3vectors.create_index(
            vectorBucketArn=FILMS_ARN, indexName="all", dataType="float32", dimension=2, distanceMetric="cosine"
        )
        assert get_index(s3vectors)["indexArn"] == INDEX_ARN

    def test_that_exists_cannot_be_created(self, s3vectors: Any) -> None:
        create_index(s3vectors)
        status, code, _ = error(lambda: create_index(s3vectors, dimension=3))
        assert (status, code) == (409, "ConflictException")
        assert get_index(s3vectors)["dimension"] == 2

    @pytest.mark.parametrize("name", ["a_b", "A-b", "-ab", "ab-", "a b", "a/b"])
    def test_has_a_name_of_an_index(self, s3vectors: Any, name: str) -> None:
        assert refused(lambda: create_index(s3vectors, name)) == "Invalid index name"

    def test_that_is_missing_is_not_found(self, s3vectors: Any) -> None:
        for bucket in ("films", "other"):
            names = {"vectorBucketName": bucket, "indexName": "all"}
            assert error(partial(s3vectors.get_index, **names)) == NO_INDEX
            assert error(partial(s3vectors.delete_index, **names)) == NO_INDEX
        assert error(lambda: s3vectors.update_index_mode(indexArn=INDEX_ARN, indexMode="CLASSIC")) == NO_INDEX

    def test_can_be_deleted_once(self, s3vectors: Any) -> None:
        create_index(s3vectors)
        s3vectors.delete_index(indexArn=INDEX_ARN)
        assert error(lambda: s3vectors.delete_index(indexArn=INDEX_ARN)) == NO_INDEX

    @pytest.mark.parametrize(
        ("changed", "part"),
        [
            ({"dimension": 0}, "/dimension"),
            ({"dimension": 4_097}, "/dimension"),
            ({"dimension": -1}, "/dimension"),
            ({"dimension": 10**30}, "dimension"),
            ({"dimension": 1.5}, "dimension"),
            ({"dimension": "2"}, "dimension"),
            ({"dimension": None}, "dimension"),
            ({"dataType": "float16"}, "/dataType"),
            ({"distanceMetric": "dot"}, "/distanceMetric"),
            ({"metadataConfiguration": {"nonFilterableMetadataKeys": [*"abcdefghijk"]}}, "nonFilterableMetadataKeys"),
            ({"metadataConfiguration": {"nonFilterableMetadataKeys": [""]}}, "nonFilterableMetadataKeys/0"),
            ({"metadataConfiguration": {"nonFilterableMetadataKeys": ["é" * 64]}}, "nonFilterableMetadataKeys/0"),
            ({"encryptionConfiguration": {"sseType": "aws:kms", "kmsKeyArn": "arn:aws:kms:x"}}, "default encryption"),
            ({"encryptionConfiguration": {"kmsKeyArn": "arn:aws:kms:x"}}, "kmsKeyArn"),
            ({"encryptionConfiguration": {"sseType": "none"}}, "sseType"),
            ({"tags": {"aws:owner": "me"}}, "aws:"),
        ],
    )
    def test_of_values_that_are_not_valid_is_refused(self, s3vectors: Any, changed: Any, part: str) -> None:
        assert part in refused(lambda: create_index(s3vectors, **changed))
        assert s3vectors.list_indexes(vectorBucketName="films")["indexes"] == []


class TestEncryption:
    def test_of_a_bucket_may_be_aes256(self, s3vectors: Any) -> None:
        s3vectors.create_vector_bucket(vectorBucketName="books", encryptionConfiguration={"sseType": "AES256"})
        found = s3vectors.get_vector_bucket(vectorBucketName="books")["vectorBucket"]
        assert found["encryptionConfiguration"] == {"sseType": "AES256"}

    def test_of_a_bucket_by_kms_is_refused_with_what_to_do_instead(self, s3vectors: Any) -> None:
        configuration = {"sseType": "aws:kms", "kmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/a"}
        message = refused(
            lambda: s3vectors.create_vector_bucket(vectorBucketName="books", encryptionConfiguration=configuration)
        )
        assert "default encryption of the S3 bucket" in message
        assert error(lambda: s3vectors.get_vector_bucket(vectorBucketName="books")) == NO_BUCKET


class TestModes:
    def test_a_new_index_has_the_default_mode_of_its_bucket(self, s3vectors: Any) -> None:
        create_index(s3vectors, "before")
        s3vectors.put_vector_bucket_default_index_mode(vectorBucketArn=FILMS_ARN, defaultIndexMode="CLASSIC")
        create_index(s3vectors, "after")
        bucket = s3vectors.get_vector_bucket(vectorBucketName="films")["vectorBucket"]
        modes = [get_index(s3vectors, name)["indexMode"] for name in ("before", "after")]
        assert (bucket["defaultIndexMode"], modes) == ("CLASSIC", ["ENHANCED", "CLASSIC"])

    def test_the_mode_of_an_index_can_be_changed(self, s3vectors: Any) -> None:
        create_index(s3vectors)
        for mode in ("CLASSIC", "CLASSIC", "ENHANCED"):
            s3vectors.update_index_mode(vectorBucketName="films", indexName="all", indexMode=mode)
            assert get_index(s3vectors)["indexMode"] == mode

    def test_an_unknown_mode_is_refused(self, s3vectors: Any) -> None:
        create_index(s3vectors)
        assert "indexMode" in refused(lambda: s3vectors.update_index_mode(indexArn=INDEX_ARN, indexMode="TURBO"))
        put = s3vectors.put_vector_bucket_default_index_mode
        assert "defaultIndexMode" in refused(lambda: put(vectorBucketName="films", defaultIndexMode="enhanced"))


class TestMetadataConfiguration:
    @pytest.mark.parametrize("change", [{}, {"add": {}, "delete": {}}, {"add": None}])
    def test_needs_either_an_addition_or_a_deletion(self, s3vectors: Any, change: Any) -> None:
        call = s3vectors.update_metadata_configuration
        message = refused(lambda: call(vectorBucketName="films", indexName="all", **change))
        assert message == "Must specify either add or delete but not both"

    @pytest.mark.parametrize("change", [{"add": {}}, {"delete": {}}])
    def test_may_change_nothing(self, s3vectors: Any, change: Any) -> None:
        create_index(s3vectors)
        answer = s3vectors.update_metadata_configuration(indexArn=INDEX_ARN, **change)
        assert answer["indexArn"] == INDEX_ARN
