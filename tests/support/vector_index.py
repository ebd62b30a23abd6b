"""An index of a vector bucket, as a client of S3 Vectors uses it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tests.support import s3vectors
from tests.support.api import Api
from tests.support.vectors import F32

BUCKET, INDEX = "films", "plots"
NATIVE = f"{BUCKET}_{INDEX}"


class VectorIndex:
    """The index `plots` of the vector bucket `films`, created with these parameters."""

    def __init__(self, api: Api, dimension: int = 2, distance: str = "euclidean", **config: Any) -> None:
        self.api, self.client = api, s3vectors.client(api, parameter_validation=False)
        self.names = {"vectorBucketName": BUCKET, "indexName": INDEX}
        self.client.create_vector_bucket(vectorBucketName=BUCKET)
        parameters = {"dataType": "float32", "dimension": dimension, "distanceMetric": distance}
        self.client.create_index(**self.names, **parameters, **config)

    def put(self, *vectors: Mapping[str, Any]) -> None:
        self.client.put_vectors(**self.names, vectors=vectors)

    def put_rows(self, rows: Sequence[Sequence[float]], key: str = "v", **metadata: Any) -> None:
        """Put vectors with the keys v0, v1, ..., 500 at a time."""
        made = [a_vector(f"{key}{number}", row, **metadata) for number, row in enumerate(rows)]
        for start in range(0, len(made), 500):
            self.put(*made[start : start + 500])

    def add_natively(self, rows: Any, **metadata: Any) -> None:
        """Add vectors with the keys v0, v1, ... by the native API."""
        for start in range(0, len(rows), 1_500):
            some = enumerate(rows[start : start + 1_500].astype("<f4"), start)
            made = [{"id": f"v{row}", "vector": _base64(vector), "metadata": metadata} for row, vector in some]
            assert self.api.add(*made, name=NATIVE).status == 200

    def get(self, *keys: str, **returned: bool) -> Any:
        return self.client.get_vectors(**self.names, keys=keys, **returned)["vectors"]

    def query(self, vector: Sequence[float], top_k: int = 10, **more: Any) -> Any:
        return self.client.query_vectors(**self.names, queryVector={"float32": vector}, topK=top_k, **more)

    def found(self, filter: Any = None, **more: Any) -> list[str]:
        """Return the keys that a filter selects, sorted."""
        chosen = {} if filter is None else {"filter": filter}
        return sorted(one["key"] for one in self.query([0, 0], 100, **chosen, **more)["vectors"])

    def pages(self, operation: str, **request: Any) -> list[Any]:
        """Return the pages of boto3's paginator."""
        return list(self.client.get_paginator(operation).paginate(**self.names, **request))


def _base64(vector: F32) -> str:
    return base64.b64encode(vector.tobytes()).decode()


def a_vector(key: str, vector: Sequence[float], **metadata: Any) -> dict[str, Any]:
    """Return a vector for PutVectors; without metadata it has no such member."""
    made: dict[str, Any] = {"key": key, "data": {"float32": vector}}
    return made | {"metadata": metadata} if metadata else made


def refusal(call: Any, *arguments: Any, **more: Any) -> Any:
    """Return the error that refuses a request: `Code`, `Message`, and `fieldList`."""
    try:
        call(*arguments, **more)
    except ClientError as error:
        return error.response["Error"] | {
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "fields": [(one["path"], one["message"]) for one in error.response.get("fieldList", [])],
        }
    raise AssertionError("the request was not refused")


def keys_of(pages: Iterable[Any]) -> list[str]:
    """Return the keys on some pages, in their order."""
    return [one["key"] for page in pages for one in page["vectors"]]
