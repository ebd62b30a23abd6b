"""Change the code one thing at a time and see the tests notice: `make mutation AREA=frame MUTANTS=50`.

Each mutant is written into a copy of the work tree, where the tests of its area run until the first fails. What
survives is listed; docs/reliability.md judges those of the last run.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Final

from tools.mutants import Mutant, mutants
from tools.paths import ROOT

PACKAGE: Final = "layers/vectord/vectord"
COPIED: Final = ("layers", "functions", "tests", "tools", "events", "docs", "template.yaml", "pyproject.toml")
_SECONDS: Final = 240  # a run of the tests that takes longer has been caught in a loop


@dataclass(frozen=True)
class Area:
    """Some modules, and the tests that should notice a change of them, the fastest first."""

    modules: Sequence[str]
    tests: Sequence[str]


AREAS: Final = {
    "frame": Area(
        ("frame.py", "envelope.py"),
        ("tests/unit/test_frame.py", "tests/unit/test_frame_packed.py", "tests/hostile/test_lies.py"),
    ),
    "service": Area(
        ("service/commits.py", "service/reads.py", "service/warm.py", "service/pinned.py", "service/world.py"),
        (
            "tests/unit/test_commits.py",
            "tests/unit/test_commits_create_delete.py",
            "tests/unit/test_commits_if_match.py",
            "tests/unit/test_unknown_outcomes.py",
            "tests/unit/test_patience.py",
            "tests/unit/test_warm.py",
            "tests/unit/test_pinned.py",
            "tests/unit/test_writers.py",
            "tests/unit/test_consistency.py",
            "tests/unit/test_rebuilds.py",
            "tests/hostile/test_by_ranges.py",
            "tests/unit/test_compaction.py",
        ),
    ),
    "s3": Area(
        ("stores/s3.py", "stores/s3_answers.py", "stores/s3_errors.py", "stores/s3_multipart.py", "stores/s3_reads.py",
         "stores/s3_requests.py", "stores/s3_writes.py"),
        ("tests/contract",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A mutant of a module, and whether a test noticed it."""

    module: str
    mutant: Mutant
    noticed: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.mutant.line}: {self.mutant.change}"


def main(arguments: Sequence[str]) -> int:
    """Print what survived, for a person to judge; return 1 only if the tests fail as they are."""
    asked = argparse.ArgumentParser(prog="python -m tools.mutation")
    asked.add_argument("area", choices=AREAS)
    asked.add_argument("--mutants", type=int, default=60, help="at most, drawn from all by the seed")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--at-once", type=int, default=2)
    options = asked.parse_args(arguments)
    area, began = AREAS[options.area], time.monotonic()
    drawn = _drawn(area, options.mutants, options.seed)
    with tempfile.TemporaryDirectory(prefix="vectord-mutation-") as folder:
        places: Queue[Path] = Queue()
        for number in range(options.at_once):
            places.put(_copied(Path(folder, str(number))))
        if not _passes(place := places.get(), area, shown=True):
            print("the tests fail as they are")
            return 1
        places.put(place)
        with ThreadPoolExecutor(options.at_once) as pool:
            judged = list(pool.map(lambda one: _judged(one[0], one[1], area, places), drawn))
    survivors = [one for one in judged if not one.noticed]
    for one in survivors:
        print(f"  survived  {one}")
    print(
        f"{options.area}: {len(judged) - len(survivors)} of {len(judged)} mutants noticed, {len(survivors)} survived; "
        f"seed {options.seed}, {time.monotonic() - began:.0f} s"
    )
    return 0


def _drawn(area: Area, most: int, seed: int) -> list[tuple[str, Mutant]]:
    everything = [
        (module, mutant)
        for module in area.modules
        for mutant in mutants((ROOT / PACKAGE / module).read_text(encoding="utf-8"))
    ]
    chosen = sorted(random.Random(seed).sample(range(len(everything)), min(most, len(everything))))
    print(f"{len(chosen)} of {len(everything)} mutants", flush=True)
    return [everything[at] for at in chosen]


def _copied(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def _judged(module: str, mutant: Mutant, area: Area, places: "Queue[Path]") -> Judged:
    place = places.get()
    path = place / PACKAGE / module
    right = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutant.source, encoding="utf-8")
        judged = Judged(module, mutant, noticed=not _passes(place, area))
    finally:
        path.write_text(right, encoding="utf-8")
        places.put(place)
    if not judged.noticed:
        print(f"  ... survived  {judged}", flush=True)
    return judged


def _passes(place: Path, area: Area, *, shown: bool = False) -> bool:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *area.tests]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode and shown:
        print(done.stdout.decode(errors="replace")[-4_000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
