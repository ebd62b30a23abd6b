"""AWS SDK for pandas: its S3 Vectors functions write and list from several threads. Its tests need an account."""

import awswrangler as wr
import numpy as np
import pandas as pd
import pytest

from tests.clients import rows
from tests.clients.bedrock import DIMENSION

CLIENT = "awswrangler"


def test_buckets_and_indexes_are_created_described_listed_and_deleted(bucket: str) -> None:
    arn = wr.s3.create_vector_index(
        vector_bucket=bucket, name="films", dimension=3, non_filterable_metadata_keys=["plot"], tags={"team": "a"}
    )
    wr.s3.create_vector_index(vector_bucket=bucket, name="books", dimension=4, distance_metric="euclidean")
    assert [index["indexName"] for index in wr.s3.list_vector_indexes(vector_bucket=bucket)] == ["books", "films"]
    index = wr.s3.get_vector_index(arn=arn)
    assert (index["dimension"], index["distanceMetric"]) == (3, "cosine")
    assert index["metadataConfiguration"]["nonFilterableMetadataKeys"] == ["plot"]
    assert bucket in [found["vectorBucketName"] for found in wr.s3.list_vector_buckets(prefix="bucket-")]
    wr.s3.delete_vector_index(arn=arn)
    wr.s3.delete_vector_index(vector_bucket=bucket, name="books")
    wr.s3.delete_vector_bucket(bucket)
    assert wr.s3.list_vector_buckets(prefix=bucket) == []


def test_a_frame_of_2500_rows_is_put_listed_in_segments_and_deleted(bucket: str) -> None:
    wr.s3.create_vector_index(vector_bucket=bucket, name="frame", dimension=3, distance_metric="euclidean")
    target = {"vector_bucket": bucket, "index": "frame"}
    numbers = np.arange(rows.COUNT)
    frame = pd.DataFrame({"key": rows.KEYS, "vector": [[float(n), 0.0, 0.0] for n in numbers], "number": numbers})
    wr.s3.put_vectors_from_df(
        df=frame, key_column="key", vector_column="vector", metadata_columns=["number"], use_threads=2, **target
    )
    listed = wr.s3.list_vectors(return_data=True, return_metadata=True, use_threads=2, **target)
    assert sorted(listed["key"]) == rows.KEYS
    assert all(
        row.vector == [float(row.key), 0.0, 0.0] and row.metadata == {"number": int(row.key)}
        for row in listed.itertuples()
    )
    chunks = list(wr.s3.list_vectors(chunked=700, **target))
    assert [len(chunk) for chunk in chunks] == [700, 700, 700, 400]
    assert sorted(wr.s3.get_vectors(keys=rows.KEYS[:250], use_threads=2, **target)["key"]) == rows.KEYS[:250]
    wr.s3.delete_vectors(keys=rows.KEYS[3:], use_threads=2, **target)
    assert sorted(wr.s3.list_vectors(**target)["key"]) == rows.KEYS[:3]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, [0, 1, 2]),
        ({"number": {"$gte": 2_498}}, [2_498, 2_499]),
        ({"$and": [{"even": True}, {"number": {"$lt": 5}}]}, [0, 2, 4]),
        ({"number": {"$exists": False}}, []),
    ],
)
def test_a_query_returns_a_frame_in_the_order_of_the_distance(
    filled: tuple[str, str], filter: dict[str, object] | None, expected: list[int]
) -> None:
    bucket, index = filled
    found = wr.s3.query_vectors(query_vector=rows.ORIGIN, top_k=3, filter=filter, vector_bucket=bucket, index=index)
    assert list(found["key"]) == [rows.KEYS[number] for number in expected]
    assert list(found["distance"]) == sorted(found["distance"])
    assert found.attrs["distance_metric"] == "euclidean"


def test_texts_are_embedded_by_bedrock_and_found(bucket: str) -> None:
    model = "amazon.titan-embed-text-v1"
    wr.s3.create_vector_index(vector_bucket=bucket, name="texts", dimension=DIMENSION)
    target = {"vector_bucket": bucket, "index": "texts"}
    frame = pd.DataFrame({"key": ["a", "b"], "text": ["a ship in space", "a house by the sea"]})
    wr.s3.put_vectors_from_df(df=frame, key_column="key", text_column="text", bedrock_model_id=model, **target)
    found = wr.s3.query_vectors(query_text="a house by the sea", top_k=1, bedrock_model_id=model, **target)
    assert list(found["key"]) == ["b"]
