""".ci/run on a Makefile whose stages only print: the order, the output, how it ends, and what is left running."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.ci import __main__ as main
from tools.ci import descendants
from tools.ci.lanes import Lanes
from tools.ci.plan import CODE, FIRST, LAST, STACK, STAGES, Stage
from tools.ci.report import Result
from tools.command.run import MEMORY, folder_of_many_files

pytestmark = pytest.mark.slow  # new processes

ROOT = Path(__file__).parents[3]
NAMES = [stage.name for stage in STAGES]
MINUTE = "exec sleep 60"


def seen(file: str) -> str:
    """Return a shell command that waits for a file, and fails if it does not come."""
    return f"for _ in `seq 1000`; do test -e {file} && break; sleep 0.01; done; test -e {file}"


def start(folder: Path, **recipes: str) -> subprocess.Popen[str]:
    """Start .ci/run with a shell command as the recipe of some stages; the others print their name."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    (folder / "tools").symlink_to(ROOT / "tools")
    stages = [f"{name}:\n\t@{recipes.get(name.replace('-', '_'), 'echo stage $@')}\n" for name in NAMES]
    needs = [f"{name}: build\n" for name in NAMES if name in {"e2e", "sbom", "s3vectors"}]
    (folder / "Makefile").write_text("".join([f".PHONY: {' '.join(NAMES)}\n", ".venv/%:\n\t@:\n", *stages, *needs]))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PYTHON": sys.executable}
    (folder / "typed").write_text("a line\n")
    with (folder / "typed").open() as typed:
        return subprocess.Popen([folder / ".ci/run"], env=env, stdin=typed, stdout=subprocess.PIPE, text=True)


def ended(started: subprocess.Popen[str], folder: Path) -> str:
    """Wait until .ci/run has ended, verify that it has left nothing, and return its output."""
    output = started.communicate()[0]
    assert not list(folder.glob("vectord-*"))
    assert not processes_in(folder)
    return output


def run(folder: Path, **recipes: str) -> tuple[int, str]:
    started = start(folder, **recipes)
    output = ended(started, folder)
    return started.returncode, output


def processes_in(folder: Path) -> list[str]:
    """Find processes by their environment, which every child of .ci/run inherits."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has ended meanwhile, or is not ours
    return found


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def test_the_stages_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"environments", "check", "test", "build", "e2e"} <= set(NAMES) <= set(targets)


def test_every_stage_runs_once() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {*FIRST, *STACK, *CODE, *LAST} == set(STAGES)


def test_the_stages_that_read_the_build_are_in_the_lane_of_those_that_build_it_again() -> None:
    makefile = (ROOT / "Makefile").read_text()
    readers = re.findall(r"^([a-z0-9-]+):.*\bbuild\b.*##", makefile, re.MULTILINE)
    assert {*readers, "demo"} & {stage.name for stage in CODE} == set()


def test_the_output_ends_with_a_table_and_the_counts_of_all_tests(tmp_path: Path) -> None:
    line = 'echo "==== 40 passed, 2 skipped in 75.2s (0:01:15) ===="'
    status, output = run(tmp_path, test=line, e2e=line)
    assert status == 0
    lines = output.splitlines()
    assert lines[-1].startswith("=== 80 passed, 0 failed, 4 skipped in ")
    assert [line.split()[0] for line in lines if line.endswith("  passed")] == NAMES


def test_the_build_is_made_once_and_before_the_stages_that_read_it(tmp_path: Path) -> None:
    status, output = run(tmp_path, build="echo built; touch built", e2e="test -e built")
    assert status == 0
    assert output.splitlines().count("built") == 1


def test_a_stage_of_each_lane_runs_at_the_same_time(tmp_path: Path) -> None:
    here, there = STACK[0].name.replace("-", "_"), CODE[0].name.replace("-", "_")
    assert run(tmp_path, **{here: f"touch a; {seen('b')}", there: f"touch b; {seen('a')}"})[0] == 0


def test_the_stages_that_use_all_processors_give_way_to_those_of_the_other_lane(tmp_path: Path) -> None:
    _, output = run(tmp_path, e2e="nice", test="nice")
    here, there = (
        int(re.search(rf"build {name}\n(\d+)$", output, re.MULTILINE)[1])  # type: ignore[index]
        for name in ("e2e", "test")
    )
    assert there > here


def test_reliability_begins_when_both_lanes_have_ended(tmp_path: Path) -> None:
    slow = {STACK[-1].name.replace("-", "_"): "sleep 0.3; touch a", CODE[-1].name: "sleep 0.3; touch b"}
    assert run(tmp_path, **slow, reliability="test -e a && test -e b")[0] == 0


def test_the_output_of_each_stage_is_whole(tmp_path: Path) -> None:
    recipe = "for i in 1 2 3; do echo $@ $$i; sleep 0.02; done"
    _, output = run(tmp_path, runtime_api=recipe, check=recipe)
    for name in ("runtime-api", "check"):
        lines = "".join(f"{name} {number}\n" for number in (1, 2, 3))
        assert f"\n=== {name}: make --old-file=build {name}\n{lines}=== {name} passed in 0 s\n" in output


@pytest.mark.parametrize("name", ["environments", "build", STACK[1].name, CODE[1].name])
def test_ci_stops_at_the_first_stage_that_fails_and_names_it(tmp_path: Path, name: str) -> None:
    last = {STACK[-1].name.replace("-", "_"): "echo too late", CODE[-1].name: "echo too late"}
    others = {STACK[1].name: MINUTE, CODE[1].name: MINUTE}
    status, output = run(tmp_path, **{**last, **others, name: "echo broken; false"})
    assert status == 1
    assert "\nbroken\n" in output
    assert "too late" not in output
    assert output.splitlines()[-1].startswith(f"CI FAILED in stage: {name} (after ")
    assert "=== 0 passed, 1 failed, 0 skipped" in output
    assert re.search(rf"^{name} +\d+  FAILED$", output, re.MULTILINE)


def test_a_failure_stops_the_other_lane_with_all_of_its_processes(tmp_path: Path) -> None:
    recipe = "setsid sleep 60 & (sleep 60 &); touch started; sleep 60"
    status, output = run(tmp_path, runtime_api=recipe, check=f"{seen('started')}; false")
    assert status == 1
    assert re.search(r"^runtime-api +\d+  stopped$", output, re.MULTILINE)


def test_what_a_stopped_stage_counted_is_not_counted(tmp_path: Path) -> None:
    recipe = f'echo "=== 1 failed in 1.0s ==="; touch started; {MINUTE}'
    failing = f'{seen("started")}; echo "=== 2 failed in 1.0s ==="; false'
    assert "=== 0 passed, 2 failed, 0 skipped" in run(tmp_path, runtime_api=recipe, check=failing)[1]


def test_a_stage_that_is_killed_has_failed(tmp_path: Path) -> None:
    status, output = run(tmp_path, check="sleep 60 & kill -9 $$PPID; sleep 60", runtime_api=MINUTE)
    assert status == 1
    assert output.splitlines()[-1].startswith("CI FAILED in stage: check (after ")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_and_shows_how_far_the_stages_were(tmp_path: Path, signum: signal.Signals) -> None:
    started = start(tmp_path, check="setsid sleep 60 & echo half; touch started; sleep 60", runtime_api=MINUTE)
    wait_for(tmp_path / "started")
    started.send_signal(signum)
    output = ended(started, tmp_path)
    assert started.returncode == 128 + signum
    assert "=== check: make --old-file=build check\nhalf\n" in output
    assert output.splitlines()[-1].startswith(f"stopped by {signum.name}")


def test_a_stage_that_ignores_signals_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descendants, "STAGE_SECONDS", 0.1)
    monkeypatch.setattr(descendants, "PROCESS_SECONDS", 0.1)
    command = ["bash", "-c", "trap '' INT TERM; echo ready; sleep 60; sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as stubborn:
        assert stubborn.stdout
        stubborn.stdout.readline()
        descendants.end({stubborn.pid})
        assert stubborn.wait() == -signal.SIGKILL


def test_stages_in_progress_are_shown_from_time_to_time(tmp_path: Path) -> None:
    shown: list[dict[str, int]] = []
    results: list[Result] = []
    lanes = Lanes(tmp_path, results.append, lambda running: shown.append(dict(running)), every=0.1)
    waits = Stage("waits", ("--eval", "waits: ; @sleep 0.4", "waits"))
    assert lanes.run([waits])
    assert shown
    assert shown[0].keys() == {"waits"}


def test_failed_tests_are_counted(tmp_path: Path) -> None:
    _, output = run(tmp_path, test='echo "=== 3 failed, 5 passed, 1 error in 1.0s ==="; exit 2')
    assert "=== 5 passed, 4 failed, 0 skipped" in output


def test_the_reason_of_a_skipped_stage_is_among_the_last_lines(tmp_path: Path) -> None:
    status, output = run(tmp_path, sam_local='echo "SKIPPED sam-local: no daemon"')
    assert status == 0
    assert "SKIPPED sam-local: no daemon" in output.splitlines()[-2:]
    assert re.search(r"^sam-local +\d+  SKIPPED, see below$", output, re.MULTILINE)


def test_no_stage_reads_from_the_terminal(tmp_path: Path) -> None:
    assert run(tmp_path, environments="! read -r line")[0] == 0


@pytest.mark.parametrize(("available", "used"), [(17, True), (15, False), (None, False)])
def test_folders_of_many_files_are_in_memory_if_there_is_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int | None, used: bool
) -> None:
    monkeypatch.delenv(MEMORY, raising=False)
    monkeypatch.setattr(main, "SHARED", tmp_path / "memory")
    monkeypatch.setattr(main, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(main.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    for folder in (tmp_path / "memory", tmp_path / "disk"):
        folder.mkdir()
    if available:
        (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:  {available << 20} kB\n")
    with main._memory(), folder_of_many_files(tmp_path / "disk") as found:
        assert found.is_relative_to(tmp_path / ("memory" if used else "disk"))
    assert not list((tmp_path / "memory").iterdir())
    assert MEMORY not in os.environ


def test_folders_of_many_files_are_not_in_memory_if_its_file_system_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MEMORY, raising=False)
    monkeypatch.setattr(main, "SHARED", tmp_path)
    monkeypatch.setattr(main.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 26))
    with main._memory():
        assert MEMORY not in os.environ
