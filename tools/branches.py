"""Hold the branches of the layer that the tests took against what is asked: `make coverage` calls it."""

import json
import sys
from pathlib import Path

from tools import console
from tools.errors import CheckFailed
from tools.paths import CACHE
from tools.run import run_tool

REPORT = CACHE / "coverage.json"
LEAST = 95.0  # per cent of the branches, which are harder to take than lines are


def check(_folder: Path) -> None:
    """Say how many were taken.

    Raises:
        CheckFailed: too few.
    """
    taken = share(json.loads(REPORT.read_text(encoding="utf-8"))["totals"])
    console.say(f"{taken:.1f} % of the branches in layers/vectord were taken; {LEAST:.0f} % are asked for")
    if taken < LEAST:
        raise CheckFailed(f"{taken:.1f} % of the branches were taken, fewer than {LEAST:.0f} %")


def share(totals: dict[str, float]) -> float:
    """Return the per cent of branches that were taken, of the totals that coverage writes."""
    return 100 * totals["covered_branches"] / totals["num_branches"]


if __name__ == "__main__":
    sys.exit(run_tool(check))
