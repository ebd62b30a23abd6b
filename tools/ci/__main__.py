"""Run all stages, and stop at the first one that fails."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.ci import descendants
from tools.ci.lanes import Lanes
from tools.ci.plan import FIRST, LANES, LAST
from tools.ci.report import Report, Result, progress, show
from tools.command.run import MEMORY, run_tool, scratch_folder

SHARED: Final = Path("/dev/shm")
MEMINFO: Final = Path("/proc/meminfo")
MEMORY_BYTES: Final = 16 << 30  # plenty: an instance of a function has 250 MB, and is removed when its stack ends


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
    with _memory():
        try:
            if lanes.run(FIRST) and lanes.run(*LANES):
                lanes.run(LAST)
            for stopped in lanes.stop():
                report.add_stopped(stopped)
        finally:
            for stopped in lanes.stop():  # by a signal
                show(stopped)
    report.close()


@contextmanager
def _memory() -> Iterator[None]:
    """Let the stages write folders of many files to memory inside the block, if the machine has plenty."""
    found = re.search(r"MemAvailable: +(\d+) kB", MEMINFO.read_text()) if MEMINFO.exists() else None
    if found and SHARED.is_dir() and min(int(found[1]) << 10, shutil.disk_usage(SHARED).free) > MEMORY_BYTES:
        with scratch_folder(SHARED) as folder:
            os.environ[MEMORY] = str(folder)
            try:
                yield
            finally:
                del os.environ[MEMORY]
    else:
        yield


if __name__ == "__main__":
    sys.exit(main())
