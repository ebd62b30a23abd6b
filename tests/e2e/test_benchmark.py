"""The comparison with peers, and the benchmarks of an index in use and of searches by words, run with few rows."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.peers import results
from bench.peers.results import Comparison
from bench.text import figures as text_figures
from bench.use import figures
from tools.command.paths import ROOT


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, str]:
    file = tmp_path_factory.mktemp("bench") / "quick.json"
    command = [sys.executable, str(Path("bench", "run.py")), "peers", "--quick", "--results", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    return results.read(file), ran.stdout


def test_every_side_is_measured_in_every_way(quick: tuple[Comparison, str]) -> None:
    found, _ = quick
    assert [side.name for side in found.sides] == ["vectord", "numpy scan", "annoy"]
    for side in found.sides:
        assert {"cold", "cold raw", "add", "add raw", "refresh"} <= side.remote.keys()
        assert side.warm[-1].recall > 0.9


def test_what_each_side_reads_and_sends_is_counted(quick: tuple[Comparison, str]) -> None:
    found, _ = quick
    for side in found.sides[1:]:  # files, which travel whole
        assert side.remote["cold"].traffic.received == pytest.approx(side.size, rel=0.01)
        assert side.remote["add"].traffic.sent == pytest.approx(side.size, rel=0.1)
        assert side.remote["refresh"].traffic.received == pytest.approx(side.size, rel=0.2)
    assert all(side.remote["cold"].traffic.requests >= 1 for side in found.sides)


def test_the_link_is_as_slow_as_it_says(quick: tuple[Comparison, str]) -> None:
    found, _ = quick
    linked, delayed = found.overhead["link"]
    assert linked >= 0.9 * (64 << 20) / 75e6  # what it lets through, of what was fetched
    assert delayed >= 0.025


def test_the_report_names_the_machine_and_has_all_tables(quick: tuple[Comparison, str]) -> None:
    found, text = quick
    assert found.machine["processor"] in text
    for title in ("build, 2 threads", "warm engine", "cold first answer", "add of 100", "search after an add"):
        assert title in text


def test_an_index_in_use_is_measured_in_every_state(tmp_path: Path) -> None:
    file = tmp_path / "use.json"
    command = [sys.executable, str(Path("bench", "run.py")), "use", "--quick", "--alone", "--results", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    [side] = figures.read(file).sides
    assert list(side.states) == ["loaded", "just built", "in use"]
    assert all(cold.recall > 0.9 and cold.received for state in side.states.values() for cold in state.cold)
    assert all(warm.recall > 0.9 for state in side.states.values() for warm in state.warm)
    assert side.load.sent > 5_000 * 384 * 4
    assert side.adds is not None


def test_searches_by_words_are_exact_and_measured_in_every_way(tmp_path: Path) -> None:
    file = tmp_path / "text.json"
    command = [sys.executable, str(Path("bench", "run.py")), "text", "--quick", "--results", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    found = text_figures.read(file)
    overlaps = {one.name: one.overlap for one in found.libraries}
    assert overlaps["vectord"] == 1.0
    assert overlaps["SQLite FTS5"] > 0.8
    exact = [check for check in found.checks if check.limit == 0]
    assert len(exact) == 3
    assert all(check.holds for check in exact), ran.stdout
    assert "Left out: tantivy is not installed." in found.notes
