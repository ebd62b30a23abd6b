"""Run the benchmark: `python bench/run.py [engine | peers | filters | threshold | large] [options]`.

`engine` is vectord alone, `peers` is vectord beside others, `filters` is searches among some rows, `threshold` is for
the planner's constants, `large` is one blob of a million rows; without a word engine, then peers. Options go to the
last one of them. Nothing is measured here: the work is done by other interpreters, which start with one BLAS thread, as
a small Lambda function has, with the package on their path, compiled as what ships is, and with the ephemeral store.
"""

import compileall
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


MODULES = {
    "engine": "bench.alone.report",
    "peers": "bench.peers.compare",
    "filters": "bench.studies.filters",
    "threshold": "bench.studies.threshold",
    "large": "bench.studies.large",
}


def main(arguments: list[str]) -> int:
    named = bool(arguments) and not arguments[0].startswith("-")
    if named and arguments[0] not in MODULES:
        print(f"There is no benchmark {arguments[0]!r}: name one of {', '.join(MODULES)}, or none for the first two.")
        return 2
    chosen, options = (arguments[:1], arguments[1:]) if named else (["engine", "peers"], arguments)
    environ = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'vectord'}",
        "VECTORD_STORE": "",
    }
    for folder in ("layers/vectord", "functions"):
        compileall.compile_dir(ROOT / folder, quiet=1)
    for name in chosen:
        rest = options if name == chosen[-1] else []
        status = subprocess.run([sys.executable, "-m", MODULES[name], *rest], env=environ, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
