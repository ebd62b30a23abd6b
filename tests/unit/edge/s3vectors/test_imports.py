"""What a function does not serve, it does not import: an import is part of every cold start."""

import json
import subprocess
import sys

import pytest

from tests.support import template
from tests.support.s3vectors import ARN_PREFIX


@pytest.mark.slow
@pytest.mark.parametrize("function", ["search", "add", "ingest"])  # describe answers what has no route, for both APIs
def test_a_function_of_the_native_api_does_not_import_the_protocol(function: str) -> None:
    starts = ("vectord.edge.s3vectors", "vectord.service.buckets", "vectord.service.membership")
    routes = "[route.imported() for route in getattr(handler, 'ROUTES', {}).values()]"  # search defers its imports
    code = f"import sys, handler; {routes}; print([name for name in sys.modules if name.startswith({starts!r})])"
    assert printed(function, code) == "[]\n"


def test_the_first_operation_imports_the_engine_and_then_garbage_is_collected_again() -> None:
    event = {"routeKey": "POST /ListVectorBuckets", "rawPath": "/ListVectorBuckets", "body": "{}"}
    code = f"""
import gc, json, sys
import handler
late = [name not in sys.modules for name in ("numpy", "vectord.service.service", "vectord.edge.s3vectors")]
answer = handler.lambda_handler({event!r})
print(json.dumps([late, answer["statusCode"], gc.isenabled()]))
"""
    assert json.loads(printed("s3vectors", code).splitlines()[-1]) == [[True] * 3, 200, True]


def test_operations_on_buckets_indexes_and_tags_are_imported_at_the_first_of_them() -> None:
    body = json.dumps({"vectorBucketName": "films", "indexName": "posters"})
    event = {"routeKey": "POST /ListVectors", "rawPath": "/ListVectors", "body": body}
    listing = {"routeKey": "POST /ListVectorBuckets", "rawPath": "/ListVectorBuckets", "body": "{}"}
    code = f"""
import json, sys
import handler
NAMES = ("buckets", "indexes", "policies", "tags", "management_shapes")
SELDOM = [f"vectord.edge.s3vectors.{{name}}" for name in NAMES]
statuses = [handler.lambda_handler({event!r})["statusCode"]]
imported = [name for name in SELDOM if name in sys.modules]
statuses.append(handler.lambda_handler({listing!r})["statusCode"])
print(json.dumps([statuses, imported]))
"""
    assert json.loads(printed("s3vectors", code).splitlines()[-1]) == [[404, 200], []]


def printed(function: str, code: str) -> str:
    """Return what a program prints that can import the function's handler."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=template.ROOT / "functions" / function,
        env={
            "PYTHONPATH": str(template.ROOT / "layers/vectord"),
            "VECTORD_STORE": "",
            "VECTORD_ARN_PREFIX": ARN_PREFIX,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
