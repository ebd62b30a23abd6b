"""The way of a request through the code stays short: limits for the figures that `make trace` prints."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # requests through moto, each traced

ROOT = Path(__file__).parents[3]
# The most modules, switches between modules, and levels of calls below the handler, on S3.
LIMITS = {
    "warm search": {"modules": 25, "switches": 60, "depth": 16},
    "add": {"modules": 30, "switches": 78, "depth": 16},
    "ingested file": {"modules": 32, "switches": 120, "depth": 20},
}


@pytest.fixture(scope="module")
def figures() -> Mapping[str, Mapping[str, int]]:
    """The figures of each request, traced in a process of its own."""
    command = [sys.executable, "-m", "tools.checks.trace", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers/vectord")}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    found: Mapping[str, Mapping[str, int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("request_name", LIMITS)
@pytest.mark.parametrize("figure", ["modules", "switches", "depth"])
def test_a_request_stays_within_its_limits(
    figures: Mapping[str, Mapping[str, int]], request_name: str, figure: str
) -> None:
    assert figures[request_name][figure] <= LIMITS[request_name][figure]


def test_a_filtered_search_is_traced_too(figures: Mapping[str, Mapping[str, int]]) -> None:
    assert figures["filtered search"]["modules"] > figures["warm search"]["modules"]
