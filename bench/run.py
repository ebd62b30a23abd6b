"""Run the benchmarks: `python bench/run.py [BENCHMARK] [options]`.

`engine` measures vectord alone, `peers` compares it with other libraries, `use` measures an index in use beside one
that was just built, `filters` searches with filters, `threshold` the planner's constants, `large` a blob of a million
rows, `commits` several writers of one index, `s3vectors` the protocol of S3 Vectors beside the native API, `clients`
embedded mode beside other databases in the caller's process, and the client over HTTP, `text` searches by words beside
libraries of text search. The default is engine, then peers. Options are passed to the last benchmark. Each benchmark
runs in a new interpreter with one BLAS thread, as on a small Lambda function, with the package's bytecode on its path,
and with the store in memory.
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
    "use": "bench.use.compare",
    "filters": "bench.studies.filters",
    "threshold": "bench.studies.threshold",
    "large": "bench.studies.large",
    "commits": "bench.studies.commits",
    "s3vectors": "bench.studies.s3vectors",
    "clients": "bench.studies.clients",
    "text": "bench.text.study",
}


def main(arguments: list[str]) -> int:
    named = bool(arguments) and not arguments[0].startswith("-")
    if named and arguments[0] not in MODULES:
        print(f"unknown benchmark {arguments[0]!r}: name one of {', '.join(MODULES)}, or none for the first two")
        return 2
    chosen, options = (arguments[:1], arguments[1:]) if named else (["engine", "peers"], arguments)
    environ = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "layers/vectord", ROOT / "clients/python/src"))),
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
