"""The API of Amazon S3 Vectors: vector buckets, their indexes and the vectors in them.

What is imported at the top does not import numpy. The first request imports the rest.
"""

import gc

from vectord.runtime import lean_imports

# Until the first request has imported the engine, as in the search function.
_collects_garbage = gc.isenabled()
gc.disable()
lean_imports.import_msgspec()

from collections.abc import Callable
from typing import Any, Final

from vectord.edge import handler
from vectord.edge.route import Route
from vectord.runtime.cold_start import ColdStart
from vectord.runtime.settings import access_claim

REQUEST_ID = "x-amzn-RequestId"  # as AWS names it; SDKs show it in errors and metadata

_OFTEN: Final = ("faults", "query", "vectors")  # most processes never see an operation on buckets, indexes or tags

cold_start: Final = ColdStart(collects_garbage=_collects_garbage)


def _operation(module: str, name: str) -> Callable[..., Any]:
    return cold_start.function(f"vectord.edge.s3vectors.{module}", name, seldom=module not in _OFTEN)


ROUTES: dict[str, Route[Any]] = {
    "POST /CreateVectorBucket": Route(_operation("buckets", "create_vector_bucket"), None, "create-vector-bucket"),
    "POST /GetVectorBucket": Route(_operation("buckets", "get_vector_bucket"), None),
    "POST /ListVectorBuckets": Route(_operation("buckets", "list_vector_buckets"), None),
    "POST /DeleteVectorBucket": Route(_operation("buckets", "delete_vector_bucket"), None, "delete-vector-bucket"),
    "POST /PutVectorBucketPolicy": Route(_operation("policies", "put_policy"), None, "put-vector-bucket-policy"),
    "POST /GetVectorBucketPolicy": Route(_operation("policies", "get_policy"), None),
    "POST /DeleteVectorBucketPolicy": Route(
        _operation("policies", "delete_policy"), None, "delete-vector-bucket-policy"
    ),
    "POST /PutVectorBucketDefaultIndexMode": Route(
        _operation("buckets", "put_default_index_mode"), None, "put-default-index-mode"
    ),
    "POST /CreateIndex": Route(_operation("indexes", "create_index"), None, "create-index"),
    "POST /GetIndex": Route(_operation("indexes", "get_index"), None),
    "POST /ListIndexes": Route(_operation("indexes", "list_indexes"), None),
    "POST /DeleteIndex": Route(_operation("indexes", "delete_index"), None, "delete-index"),
    "POST /UpdateIndexMode": Route(_operation("indexes", "update_index_mode"), None, "update-index-mode"),
    "POST /UpdateMetadataConfiguration": Route(
        _operation("indexes", "update_metadata_configuration"), None, "update-metadata"
    ),
    "POST /PutVectors": Route(_operation("vectors", "put_vectors"), None, "add-vectors"),
    "POST /GetVectors": Route(_operation("vectors", "get_vectors"), None),
    "POST /ListVectors": Route(_operation("vectors", "list_vectors"), None),
    "POST /DeleteVectors": Route(_operation("vectors", "delete_vectors"), None, "delete-vectors"),
    "POST /QueryVectors": Route(_operation("query", "query_vectors"), None),
    "GET /tags/{resourceArn+}": Route(_operation("tags", "list_tags"), None),
    "POST /tags/{resourceArn+}": Route(_operation("tags", "tag_resource"), None, "tag-resource"),
    "DELETE /tags/{resourceArn+}": Route(_operation("tags", "untag_resource"), None, "untag-resource"),
}

lambda_handler = handler.handler(
    ROUTES,
    cold_start.function("vectord.runtime.s3vectors", "endpoint"),
    access_claim,
    answer_error=_operation("faults", "answer"),
    request_id_header=REQUEST_ID,
    first=cold_start.first_request,
)
