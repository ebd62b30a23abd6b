""".ci/run on a Makefile whose stages only print: the last lines, the counts and the exit status."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
STAGES = re.findall(r"^stage (\S+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)


def run(folder: Path, **recipes: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run with a shell command as the recipe of some stages; the others print their name."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    stages = (f"{name}:\n\t@{recipes.get(name.replace('-', '_'), 'echo stage $@')}\n" for name in STAGES)
    (folder / "Makefile").write_text("".join(stages))
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    done = subprocess.run([folder / ".ci/run"], env=env, capture_output=True, text=True, check=False)
    assert not list(folder.glob("vectord-ci-*"))
    return done


def test_the_stages_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"environments", "check", "test", "build", "e2e"} <= set(STAGES) <= set(targets)


def test_the_output_ends_with_a_table_and_the_counts_of_all_tests(tmp_path: Path) -> None:
    line = 'echo "==== 40 passed, 2 skipped in 75.2s (0:01:15) ===="'
    done = run(tmp_path, test=line, e2e=line)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("=== 80 passed, 0 failed, 4 skipped in ")
    assert [line.split()[0] for line in lines if line.endswith("  passed")] == STAGES


def test_ci_stops_at_the_first_stage_that_fails_and_names_it(tmp_path: Path) -> None:
    done = run(tmp_path, build="false")
    assert done.returncode == 1
    assert "stage fuzz" in done.stdout
    assert "stage runtime-api" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("CI FAILED in stage: build (after ")
    assert "=== 0 passed, 1 failed, 0 skipped" in done.stdout


def test_failed_tests_are_counted(tmp_path: Path) -> None:
    done = run(tmp_path, test='echo "=== 3 failed, 5 passed, 1 error in 1.0s ==="; exit 2')
    assert "=== 5 passed, 4 failed, 0 skipped" in done.stdout


def test_the_reason_of_a_skipped_stage_is_among_the_last_lines(tmp_path: Path) -> None:
    done = run(tmp_path, sam_local='echo "SKIPPED sam-local: no daemon"')
    assert done.returncode == 0
    assert "SKIPPED sam-local: no daemon" in done.stdout.splitlines()[-2:]
    assert re.search(r"^sam-local +\d+  SKIPPED, see below$", done.stdout, re.MULTILINE)


def test_no_stage_reads_from_the_terminal(tmp_path: Path) -> None:
    assert run(tmp_path, environments="! read -r line").returncode == 0
