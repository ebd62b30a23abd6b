"""The requests of the study of S3 Vectors: puts and queries of the protocol, adds and searches of the native API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.handlers import encode
from vectord.index.kernels.distance import F32

DIMENSION, BATCH, K, QUERIES = 384, 500, 10, 50
BUCKET = "bench"
PROTOCOL, BODY = "S3 Vectors", "S3 Vectors, without boto3"  # the second one sends bodies that were encoded before
HANDLERS = "S3 Vectors, with the handlers of docs/s3vectors.md"  # which encode a put with one call of json
NUMBERS, BASE64 = "native, JSON numbers", "native, base64"
INDEXES: Mapping[str, str] = {
    PROTOCOL: "protocol",
    HANDLERS: "handlers",
    BODY: "body",
    NUMBERS: "numbers",
    BASE64: "base64",
}

type Json = dict[str, Any]


@dataclass(frozen=True)
class Bodies:
    """The requests of each side, with the same rows and queries."""

    vectors: F32
    queries: F32

    def put(self, side: str = PROTOCOL) -> Json:
        """Return the parameters of PutVectors."""
        vectors = [
            {"key": f"row-{row:06}", "data": {"float32": vector.tolist()}, "metadata": {"row": row}}
            for row, vector in enumerate(self.vectors[:BATCH])
        ]
        return {"vectorBucketName": BUCKET, "indexName": INDEXES[side], "vectors": vectors}

    def query(self, number: int, side: str = PROTOCOL) -> Json:
        """Return the parameters of QueryVectors."""
        floats = {"float32": self.queries[number % QUERIES].tolist()}
        named = {"vectorBucketName": BUCKET, "indexName": INDEXES[side]}
        return {**named, "queryVector": floats, "topK": K, "returnDistance": True, "returnMetadata": True}

    def add(self, side: str, start: int = 0, count: int = BATCH) -> Json:
        """Return the body of an add of `count` rows."""
        rows = range(start, min(start + count, len(self.vectors)))
        return {"vectors": [{"id": f"row-{i:06}", "vector": self._one(i, side), "metadata": {"row": i}} for i in rows]}

    def search(self, number: int, side: str) -> Json:
        """Return the body of a search."""
        query = self.queries[number % QUERIES]
        return {"vector": query.tolist() if side == NUMBERS else encode(query), "k": K}

    def _one(self, row: int, side: str) -> Any:
        return self.vectors[row].tolist() if side == NUMBERS else encode(self.vectors[row])
