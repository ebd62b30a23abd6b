"""mem0's vector store for S3 Vectors. Its own tests replace boto3 by a mock."""

import pytest
from mem0.vector_stores.s3_vectors import S3Vectors

from tests.clients import rows

CLIENT = "mem0ai"


@pytest.fixture
def store(bucket: str) -> S3Vectors:
    made = S3Vectors(bucket, "memories", 3, distance_metric="euclidean")
    vectors = [[float(number), 0.0, 0.0] for number in range(300)]
    made.insert(
        vectors, [{"user_id": f"user-{number % 3}", "number": number} for number in range(300)], rows.KEYS[:300]
    )
    return made


def test_a_bucket_and_an_index_that_are_missing_are_created_once(s3vectors: object, bucket: str) -> None:
    s3vectors.delete_vector_bucket(vectorBucketName=bucket)
    for _ in range(2):
        store = S3Vectors(bucket, "memories", 3)
    assert store.list_cols() == ["memories"]
    assert (store.col_info()["dimension"], store.col_info()["distanceMetric"]) == (3, "cosine")


def test_a_search_finds_the_nearest_memories_of_one_user(store: S3Vectors) -> None:
    found = store.search("", [-1.0, 0.0, 0.0], top_k=3, filters={"user_id": "user-1"})
    assert [memory.id for memory in found] == ["0001", "0004", "0007"]
    assert found[0].payload == {"user_id": "user-1", "number": 1}
    assert [memory.score for memory in found] == sorted((memory.score for memory in found), reverse=True)


def test_an_update_replaces_the_payload_and_keeps_the_vector(store: S3Vectors) -> None:
    store.update("0000", payload={"seen": True})
    assert store.get("0000").payload == {"seen": True}
    assert store.search("", [-1.0, 0.0, 0.0], top_k=1)[0].id == "0000"


def test_memories_are_listed_over_pages_deleted_and_reset(store: S3Vectors) -> None:
    store.delete("0000")
    assert store.get("0000") is None
    [listed] = store.list()
    assert sorted(memory.id for memory in listed) == rows.KEYS[1:300]
    [some] = store.list(filters={"user_id": "user-2"}, top_k=50)
    assert {memory.payload["user_id"] for memory in some} == {"user-2"}
    store.reset()
    assert store.list() == [[]]
    store.delete_col()
    assert store.list_cols() == []
