"""2,500 vectors whose order is known: more than one page for every client."""

from itertools import batched
from typing import Any

COUNT, DIMENSION = 2_500, 4
KEYS = [f"{number:04}" for number in range(COUNT)]  # in the order of their distance from ORIGIN
ORIGIN = [-1.0, 0.0, 0.0, 0.0]
TEXT = "x" * 3_000  # 7.5 MB in all: more than a Lambda function may return in one answer


def row(number: int) -> dict[str, Any]:
    metadata = {"number": number, "even": number % 2 == 0, "_page_content": TEXT}
    return {"key": KEYS[number], "data": {"float32": [float(number), 0.0, 0.0, 0.0]}, "metadata": metadata}


def fill(client: Any, bucket: str, index: str) -> None:
    """Create an index and put all rows into it, as many at a time as AWS allows."""
    client.create_index(
        vectorBucketName=bucket,
        indexName=index,
        dataType="float32",
        dimension=DIMENSION,
        distanceMetric="euclidean",
        metadataConfiguration={"nonFilterableMetadataKeys": ["_page_content"]},
    )
    for numbers in batched(range(COUNT), 500):
        client.put_vectors(vectorBucketName=bucket, indexName=index, vectors=[row(number) for number in numbers])
