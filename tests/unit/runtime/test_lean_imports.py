"""The functions that answer searches import msgspec and numpy without parts that no request needs."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support import template

IMPORTED = "import sys, handler; handler.cold_start.import_deferred()"
LEFT_OUT = ("typing_extensions", "inspect", "numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")


def printed(code: str, function: str = "search") -> Any:
    """Return the JSON that a program prints which can import the function's handler."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"],
        cwd=template.ROOT / "functions" / function,
        env={"PYTHONPATH": str(template.ROOT / "layers/vectord"), "VECTORD_STORE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("function", ["search", "s3vectors"])
def test_documentation_and_names_of_older_pythons_are_not_imported(function: str) -> None:
    assert printed(f"{IMPORTED}; print(json.dumps([n for n in {LEFT_OUT} if n in sys.modules]))", function) == []


@pytest.mark.slow
def test_what_was_left_out_can_be_imported_later() -> None:
    code = f"{IMPORTED}; import typing_extensions; print(json.dumps(hasattr(typing_extensions, 'deprecated')))"
    assert printed(code) is True
    look = "import inspect; import numpy as np; print(json.dumps(str(inspect.signature(np.mean))))"
    assert printed(f"{IMPORTED}; {look}") == printed(look)


def test_numpy_has_the_same_names_and_results() -> None:
    shown = "sorted(dir(np)), sorted(dir(np.linalg)), str(np.dtype('f4')), float(np.sqrt(np.float32(2)))"
    look = f"import numpy as np; print(json.dumps([{shown}]))"
    assert printed(f"{IMPORTED}; {look}") == printed(look)


def test_a_process_that_has_numpy_keeps_its_documentation() -> None:
    code = f"import numpy as np; {IMPORTED}; print(json.dumps(bool(np.dot.__doc__)))"
    assert printed(code) is True


def test_routes_other_than_the_search_are_imported_at_their_first_request() -> None:
    seldom = ("vectord.edge.read_routes", "vectord.edge.events.fan_out")
    look = f"sum(name in sys.modules for name in {seldom})"
    event = {"routeKey": "POST /indexes/{name}/warm", "rawPath": "/indexes/t/warm", "pathParameters": {"name": "t"}}
    code = (
        f"{IMPORTED}; late = {look}; sys.stdout, out = sys.stderr, sys.stdout; "
        f"status = handler.lambda_handler({event!r})['statusCode']; print(json.dumps([late, status, {look}]), file=out)"
    )
    assert printed(code) == [0, 404, 1]
