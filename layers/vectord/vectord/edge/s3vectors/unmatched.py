"""The answer to a request that is for S3 Vectors, but for none of its operations.

API Gateway sends it to the function of its `$default` route, which serves the native API.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from vectord.edge import routes
from vectord.edge.route import Reply
from vectord.edge.s3vectors.faults import ErrorBody

_POSTED: Final = (
    *("CreateIndex", "CreateVectorBucket", "DeleteIndex", "DeleteVectorBucket", "DeleteVectorBucketPolicy"),
    *("DeleteVectors", "GetIndex", "GetVectorBucket", "GetVectorBucketPolicy", "GetVectors", "ListIndexes"),
    *("ListVectorBuckets", "ListVectors", "PutVectorBucketDefaultIndexMode", "PutVectorBucketPolicy", "PutVectors"),
    *("QueryVectors", "UpdateIndexMode", "UpdateMetadataConfiguration"),
)
ROUTES: Final = (
    *(f"POST /{operation}" for operation in _POSTED),
    *(f"{method} /tags/{{resourceArn+}}" for method in ("GET", "POST", "DELETE")),
)
_OPERATION: Final = r"/[A-Z][A-Za-z0-9]*"  # the path of any operation of S3 Vectors, also of a later version
_UNKNOWN: Final = "UnknownOperationException"  # of every service of AWS with this protocol, so not in the model
_LISTED: Final = "docs/s3vectors.md lists the operations."


def reply(event: Mapping[str, Any], native: Collection[str]) -> Reply | None:
    """Return the reply to an event that matches no route; None if it is for the native API, with the routes `native`.

    A request is for S3 Vectors if its path is the path of an operation, or if it is a POST to what could be one.
    """
    method = routes.method_of(event)
    for path in routes.paths_of(event):
        if allowed := routes.allowed_methods(path, ROUTES):
            message = f"{path!r} of S3 Vectors is called by {', '.join(allowed)}, not by {method}. {_LISTED}"
            return _reply(405, message, {"Allow": ", ".join(allowed)})
        is_native = routes.allowed_methods(path.lower(), native)  # its reply says that paths are case-sensitive
        if method == "POST" and re.fullmatch(_OPERATION, path) and not is_native:
            return _reply(404, f"vectord has no operation {path[1:100]!r} of S3 Vectors. {_LISTED}", {})
    return None


def _reply(status: int, message: str, headers: Mapping[str, str]) -> Reply:
    return Reply(ErrorBody(_UNKNOWN, message), status, {"x-amzn-ErrorType": _UNKNOWN, **headers})
