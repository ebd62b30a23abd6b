"""`bench/run.py --help` says what can be measured, and measures nothing."""

import subprocess
import sys

import pytest

from bench.run import BENCHMARKS
from tools.command.paths import ROOT


def printed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what the command printed; it has 10 s, in which no benchmark of the default ends."""
    command = [sys.executable, "bench/run.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--rows", "1000", "--help"]], ids=" ".join)
def test_help_lists_each_benchmark_and_how_to_ask_for_its_options(arguments: list[str]) -> None:
    ran = printed(*arguments)
    usage, listed, more = ran.stdout.split("\n\n")
    assert ran.returncode == 0
    assert usage.startswith("usage: bench/run.py [BENCHMARK]")
    assert [line.split()[0] for line in listed.splitlines()] == list(BENCHMARKS)
    assert more.rstrip().endswith("bench/run.py BENCHMARK --help")


@pytest.mark.slow
def test_help_of_a_benchmark_is_its_own() -> None:
    ran = printed("commits", "--help")
    assert ran.stdout.startswith("usage: bench/run.py commits ")
    assert "--writers" in ran.stdout


def test_an_unknown_benchmark_is_refused_with_the_names_of_all() -> None:
    ran = printed("comits", "--help")
    assert ran.returncode == 2
    assert all(name in ran.stdout for name in BENCHMARKS)
