"""The API of Amazon S3 Vectors: vector buckets, their indexes and the vectors in them."""

from vectord.edge import handler
from vectord.edge.handler import Route
from vectord.edge.s3vectors import faults, query, vectors
from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.runtime import s3vectors
from vectord.runtime.settings import access_claim

ROUTES: dict[str, Route[Endpoint]] = {
    "POST /PutVectors": Route(vectors.put_vectors, None, "add-vectors"),
    "POST /GetVectors": Route(vectors.get_vectors, None),
    "POST /ListVectors": Route(vectors.list_vectors, None),
    "POST /DeleteVectors": Route(vectors.delete_vectors, None, "delete-vectors"),
    "POST /QueryVectors": Route(query.query_vectors, None),
}

lambda_handler = handler.handler(ROUTES, s3vectors.endpoint, access_claim, answer_error=faults.answer)
