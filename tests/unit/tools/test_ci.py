""".ci/run with a make that plays its stages: what is printed last, and the exit status."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STAGES = [
    "environments",
    "check",
    "test",
    "audit",
    "fuzz",
    "build",
    "sbom",
    "runtime-api",
    "sam-local",
    "demo",
    "e2e",
    "reliability",
]


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run where `make STAGE` is a shell script with the stage in $1."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    make = folder / "bin/make"
    make.parent.mkdir()
    make.write_text(f"#!/bin/sh\n{script}\n")
    make.chmod(0o755)
    env = {"PATH": f"{make.parent}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    done = subprocess.run([folder / ".ci/run"], env=env, capture_output=True, text=True, check=False)
    assert not list(folder.glob("vectord-ci-*"))
    return done


def test_it_ends_with_a_table_and_the_counts_of_all_tests(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        'echo "stage $1"; [ $1 = test ] || [ $1 = e2e ] && echo "==== 40 passed, 2 skipped in 75.2s (0:01:15) ===="; :',
    )
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("=== 80 passed, 0 failed, 4 skipped in ")
    assert [line.split()[0] for line in lines if line.endswith("  passed")] == STAGES
    assert [line.split()[1] for line in lines if line.startswith("stage ") and "seconds" not in line] == STAGES


def test_it_stops_at_the_first_stage_that_fails_and_names_it(tmp_path: Path) -> None:
    done = run(tmp_path, 'echo "stage $1"; [ $1 != build ]')
    assert done.returncode == 1
    assert "stage runtime-api" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("CI FAILED in stage: build (after ")
    assert "=== 0 passed, 1 failed, 0 skipped" in done.stdout


def test_failed_tests_are_counted(tmp_path: Path) -> None:
    done = run(tmp_path, '[ $1 != test ] || { echo "=== 3 failed, 5 passed, 1 error in 1.0s ==="; exit 2; }')
    assert "=== 5 passed, 4 failed, 0 skipped" in done.stdout


def test_the_reason_of_a_skipped_stage_stands_among_the_last_lines(tmp_path: Path) -> None:
    done = run(tmp_path, '[ $1 != sam-local ] || echo "SKIPPED sam-local: no daemon"')
    assert done.returncode == 0
    assert "SKIPPED sam-local: no daemon" in done.stdout.splitlines()[-2:]
    assert "sam-local            0  SKIPPED, see below" in done.stdout.replace("  1  SK", "  0  SK")


def test_no_stage_reads_from_the_terminal(tmp_path: Path) -> None:
    assert run(tmp_path, "! read -r line").returncode == 0


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_a_target_of_the_makefile(stage: str) -> None:
    assert f"\n{stage}: " in (ROOT / "Makefile").read_text()
