"""Run all stages, and stop at the first one that fails."""

import sys
from pathlib import Path

from tools.ci import descendants
from tools.ci.lanes import Lanes
from tools.ci.plan import FIRST, LANES
from tools.ci.report import Report, Result, progress, show
from tools.command.run import run_tool


def main() -> int:
    """Return 0 if every stage passed or was skipped, 1 if one failed, and more if a signal ended the run."""
    failures: list[Result] = []
    status = run_tool(lambda folder: _run(folder, failures))
    for failed in failures:
        print(f"CI FAILED in stage: {failed.stage.name} (after {failed.seconds} s)", flush=True)
    return status or len(failures)


def _run(folder: Path, failures: list[Result]) -> None:
    report = Report()

    def ended(result: Result) -> None:
        report.add(result)
        failures.extend([result] if result.failed else [])

    descendants.adopt_orphans()
    lanes = Lanes(folder, ended, progress)
    try:
        if lanes.run(FIRST):
            lanes.run(*LANES)
        for stopped in lanes.stop():
            report.add_stopped(stopped)
    finally:
        for stopped in lanes.stop():  # by a signal
            show(stopped)
    report.close()


if __name__ == "__main__":
    sys.exit(main())
