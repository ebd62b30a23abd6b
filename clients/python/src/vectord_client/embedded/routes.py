"""The routes of the HTTP API, and the function that serves each: one table, so that no other function is imported.

The functions are the ones that Lambda runs. A test compares the table with the `ROUTES` of all of them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import msgspec

DEFAULT: Final = "$default"  # the route of a request that matches no other
_REMEMBERED: Final = 1_024  # paths of recent requests

# By function, a folder of `vectord_functions`.
ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "search": (
        "POST /indexes/{name}/search",
        "POST /indexes/{name}/recall",
        "POST /indexes/{name}/warm",
        "POST /indexes/{name}/vectors/get",
        "GET /indexes/{name}/vectors",
        "POST /indexes/{name}/vectors/count",
        "POST /indexes/{name}/vectors/facets",
    ),
    "add": ("POST /indexes/{name}/vectors", "PATCH /indexes/{name}/vectors", "PATCH /indexes/{name}"),
    "create": (
        "POST /indexes",
        "PUT /indexes/{name}",
        "POST /indexes/{name}/restore",
        "POST /indexes/{name}/copy",
    ),
    "delete": (
        "DELETE /indexes/{name}",
        "DELETE /indexes/{name}/vectors/{id+}",
        "POST /indexes/{name}/vectors/delete",
    ),
    "describe": (
        "GET /indexes",
        "GET /indexes/{name}",
        "GET /indexes/{name}/versions",
        "GET /indexes/{name}/vectors/{id+}",
        "GET /indexes/{name}/changes/{token}",
        "GET /openapi.json",
        DEFAULT,
    ),
    "export": ("GET /indexes/{name}/export",),
    "upload": ("POST /indexes/{name}/uploads",),
    "s3vectors": (
        "POST /CreateVectorBucket",
        "POST /GetVectorBucket",
        "POST /ListVectorBuckets",
        "POST /DeleteVectorBucket",
        "POST /PutVectorBucketPolicy",
        "POST /GetVectorBucketPolicy",
        "POST /DeleteVectorBucketPolicy",
        "POST /PutVectorBucketDefaultIndexMode",
        "POST /CreateIndex",
        "POST /GetIndex",
        "POST /ListIndexes",
        "POST /DeleteIndex",
        "POST /UpdateIndexMode",
        "POST /UpdateMetadataConfiguration",
        "POST /PutVectors",
        "POST /GetVectors",
        "POST /ListVectors",
        "POST /DeleteVectors",
        "POST /QueryVectors",
        "GET /tags/{resourceArn+}",
        "POST /tags/{resourceArn+}",
        "DELETE /tags/{resourceArn+}",
    ),
}


class Matched(msgspec.Struct, frozen=True):
    """The function and the route of a request, its decoded path, and the decoded parameters of the path."""

    function: str
    route: str
    path: str
    parameters: Mapping[str, str]


@lru_cache(_REMEMBERED)
def match(method: str, path: str) -> Matched:
    """Return the route of a request to the percent-encoded `path`, chosen as an HTTP API of API Gateway does.

    The path is matched before it is decoded, so that an encoded slash belongs to an id, and decoded once.
    """
    for function, route, pattern in _BY_PRECEDENCE:
        if found := pattern.fullmatch(f"{method} {path}"):
            parameters = {name: unquote(value) for name, value in found.groupdict().items()}
            return Matched(function, route, unquote(path), parameters)
    return Matched("describe", DEFAULT, unquote(path), {})


def _pattern(route: str) -> re.Pattern[str]:
    greedy = re.sub(r"{(\w+)\+}", r"(?P<\1>.+)", route.replace(".", r"\."))
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", greedy))


def _precedence(route: str) -> tuple[bool, int]:
    """Return what orders routes: the fewest parameters first, those with a greedy parameter last."""
    return "+}" in route, route.count("{")


_BY_PRECEDENCE: Final = sorted(
    ((function, route, _pattern(route)) for function, routes in ROUTES.items() for route in routes if route != DEFAULT),
    key=lambda one: _precedence(one[1]),
)
