"""The Python client against the deployed stack: the outside suites of its adapters, in the client's environment."""

import os
import subprocess

import pytest

from tools.command.paths import ENVIRONMENTS, ROOT
from tools.stack.stack import Stack

PYTHON = ENVIRONMENTS / "client" / "bin" / "python"


@pytest.mark.parametrize("suite", ["langchain", "haystack", "llamaindex"])
def test_the_adapters_pass_their_suites_over_http_on_the_stack(stack: Stack, suite: str) -> None:
    tests = [str(path) for path in sorted((ROOT / "clients/python/tests/integrations").glob(f"test_*{suite}*.py"))]
    assert tests
    command = [str(PYTHON), "-m", "pytest", "-q", "-k", "http", *tests]
    environment = {**os.environ, "VECTORD_TEST_URL": stack.url}
    ran = subprocess.run(
        command, cwd=ROOT / "clients/python", env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-20_000:]
