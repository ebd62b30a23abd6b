"""The API of Amazon S3 Vectors: vector buckets, their indexes and the vectors in them."""

from vectord.edge import handler
from vectord.edge.handler import Route
from vectord.edge.s3vectors import faults
from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.runtime import s3vectors
from vectord.runtime.settings import access_claim

ROUTES: dict[str, Route[Endpoint]] = {}

lambda_handler = handler.handler(ROUTES, s3vectors.endpoint, access_claim, answer_error=faults.answer)
