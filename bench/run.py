"""Run the benchmarks: `python bench/run.py [BENCHMARK] [options]`; `--help` lists them.

The default is engine, then peers. Options are passed to the last benchmark. Each benchmark runs in a new interpreter
with one BLAS thread, as on a small Lambda function, with the package's bytecode on its path, and with the store in
memory.
"""

import compileall
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Benchmark(NamedTuple):
    """The module of a benchmark, and what it measures."""

    module: str
    measures: str


BENCHMARKS: Final = {
    "engine": Benchmark("bench.alone.report", "vectord alone: build, size, warm search, add, ingestion and imports"),
    "peers": Benchmark("bench.peers.compare", "vectord beside other libraries"),
    "use": Benchmark("bench.use.compare", "an index in use beside one that was just built"),
    "filters": Benchmark("bench.studies.filters", "searches with filters"),
    "threshold": Benchmark("bench.studies.threshold", "searches by each strategy, for the planner's constants"),
    "large": Benchmark("bench.studies.large", "one blob of a million rows"),
    "commits": Benchmark("bench.studies.commits", "several writers of one index"),
    "s3vectors": Benchmark("bench.studies.s3vectors", "the protocol of S3 Vectors beside the native API"),
    "clients": Benchmark("bench.studies.clients", "embedded mode beside other databases; the client over HTTP"),
    "text": Benchmark("bench.text.study", "searches by words beside libraries of text search"),
}
_DEFAULT: Final = ("engine", "peers")
_HELP: Final = frozenset(("-h", "--help"))


def main(arguments: list[str]) -> int:
    named = bool(arguments) and not arguments[0].startswith("-")
    if named and arguments[0] not in BENCHMARKS:
        print(f"unknown benchmark {arguments[0]!r}: name one of {', '.join(BENCHMARKS)}, or none for the first two")
        return 2
    if not named and not _HELP.isdisjoint(arguments):
        print(_help())
        return 0
    chosen, options = (arguments[:1], arguments[1:]) if named else (_DEFAULT, arguments)
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
        status = subprocess.run(
            [sys.executable, "-m", BENCHMARKS[name].module, *rest], env=environ, check=False
        ).returncode
        if status:
            return status
    return 0


def _help() -> str:
    """Return what benchmarks there are, and how to call one."""
    lines = [
        "usage: bench/run.py [BENCHMARK] [options]",
        '   or: make bench ARGS="[BENCHMARK] [options]"',
        "",
        *(f"  {name:10} {benchmark.measures}" for name, benchmark in BENCHMARKS.items()),
        "",
        f"Without a BENCHMARK it runs {' and '.join(_DEFAULT)}, with options for {_DEFAULT[-1]}, in 15 to 25 minutes.",
        "The options of one: bench/run.py BENCHMARK --help",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
