"""What a function does not serve, it does not import: an import is part of every cold start."""

import subprocess
import sys

import pytest

from tests.support import template


@pytest.mark.parametrize("function", ["search", "add", "ingest"])  # describe answers what has no route, for both APIs
def test_a_function_of_the_native_api_does_not_import_the_protocol(function: str) -> None:
    starts = ("vectord.edge.s3vectors", "vectord.service.buckets", "vectord.service.membership")
    routes = "[route.imported() for route in getattr(handler, 'ROUTES', {}).values()]"  # search defers its imports
    code = f"import sys, handler; {routes}; print([name for name in sys.modules if name.startswith({starts!r})])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=template.ROOT / "functions" / function,
        env={"PYTHONPATH": str(template.ROOT / "layers/vectord")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "[]\n"
