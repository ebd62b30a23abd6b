"""The composition root of the function that speaks the protocol of S3 Vectors."""

from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.edge.s3vectors.names import Arns
from vectord.runtime import api
from vectord.runtime.settings import arn_prefix


def endpoint() -> Endpoint:
    """Return the service for the environment variables, with the ARNs of its vector buckets."""
    return Endpoint(api.service(), Arns(arn_prefix()))
