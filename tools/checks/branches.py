"""Compare the layer's branch coverage with the required minimum; `make coverage` calls it."""

import json
import sys
from pathlib import Path

from tools.command import console
from tools.command.errors import CheckFailed
from tools.command.paths import CACHE
from tools.command.run import run_tool

REPORT = CACHE / "coverage.json"
LEAST = 95.0  # per cent of the branches; coverage's own limit counts lines too


def check(_folder: Path) -> None:
    """Print the branch coverage.

    Raises:
        CheckFailed: it is below the minimum.
    """
    covered = share(json.loads(REPORT.read_text(encoding="utf-8"))["totals"])
    console.say(f"branch coverage of layers/vectord: {covered:.1f} %; the minimum is {LEAST:.0f} %")
    if covered < LEAST:
        raise CheckFailed(f"branch coverage is {covered:.1f} %, below {LEAST:.0f} %")


def share(totals: dict[str, float]) -> float:
    """Return the branch coverage in per cent from the totals of coverage's JSON report."""
    return 100 * totals["covered_branches"] / totals["num_branches"]


if __name__ == "__main__":
    sys.exit(run_tool(check))
