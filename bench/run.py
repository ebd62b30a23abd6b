"""Run the benchmark, `python bench/run.py [--rows N]`, or `python bench/run.py threshold` for the planner's constants.

Nothing is measured here: the work is done by a second interpreter that starts with one BLAS thread, as a small Lambda
function has, with the package on its path, and with the ephemeral store.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> None:
    module = "threshold" if arguments[:1] == ["threshold"] else "report"
    environ = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'vectord'}",
        "VECTORD_STORE": "",
    }
    rest = arguments[1:] if module == "threshold" else arguments
    os.execve(sys.executable, [sys.executable, "-m", f"bench.{module}", *rest], environ)


if __name__ == "__main__":
    main(sys.argv[1:])
