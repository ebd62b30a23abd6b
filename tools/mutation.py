"""Change the code one thing at a time and see the tests notice: `make mutation AREA=frame MUTANTS=50`.

cosmic-ray makes the mutants and judges them, in a copy of the work tree, where the tests of the area run until the
first fails. What survives is listed; docs/reliability.md judges those of the last run.
"""

import argparse
import contextlib
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from cosmic_ray.commands import init  # type: ignore[import-untyped]
from cosmic_ray.mutating import mutate_and_test, mutate_code  # type: ignore[import-untyped]
from cosmic_ray.plugins import get_operator  # type: ignore[import-untyped]
from cosmic_ray.work_db import use_db  # type: ignore[import-untyped]
from cosmic_ray.work_item import MutationSpec, TestOutcome  # type: ignore[import-untyped]

from tools.command.paths import ROOT

PACKAGE: Final = "layers/vectord/vectord"
COPIED: Final = ("layers", "functions", "tests", "tools", "events", "docs", "template.yaml", "pyproject.toml")
_SECONDS: Final = 300  # for all tests
_A_TEST: Final = 20  # seconds; one that takes longer has been caught in a loop
# Of the operators that put one sign for another, those that put its neighbour or its opposite. All others are kept.
# `|` is left out: nearly all of them stand in types.
_KEPT: Final = re.compile(
    r"core/(?!Replace(Binary|Comparison|Unary)Operator)"
    r"|.*_(Add_Sub|Sub_Add|Mul_FloorDiv|FloorDiv_Mul|Mod_Mul|Pow_Mul|LShift_RShift|RShift_LShift|BitAnd_BitOr)$"
    r"|.*_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Is_IsNot|IsNot_Is|Delete_Not|Delete_USub)$"
)


_VERDICTS: Final = {
    TestOutcome.KILLED: "noticed",
    TestOutcome.SURVIVED: "survived",
    TestOutcome.INCOMPETENT: "broken",  # cosmic-ray could not judge it, though it counts such as killed
}


@dataclass(frozen=True)
class Area:
    """Some modules, and the tests that should notice a change of them, the fastest first."""

    modules: Sequence[str]
    tests: Sequence[str]

    @property
    def command(self) -> str:
        """The tests until one fails or hangs, as a shell would be told."""
        once = ("-x", "-q", "-p", "no:cacheprovider")
        bounded = ("-o", f"faulthandler_timeout={_A_TEST}", "-o", "faulthandler_exit_on_timeout=true")
        return shlex.join([sys.executable, "-m", "pytest", *once, *bounded, *self.tests])


AREAS: Final = {
    "frame": Area(
        ("frame.py", "envelope.py"),
        ("tests/unit/lhv1/test_frame.py", "tests/unit/lhv1/test_frame_packed.py", "tests/hostile/test_lies.py"),
    ),
    "service": Area(
        ("service/commits.py", "service/reads.py", "service/warm.py", "service/pinned.py", "service/world.py"),
        (
            "tests/unit/service/commit/test_commits.py",
            "tests/unit/service/commit/test_commits_create_delete.py",
            "tests/unit/service/commit/test_commits_if_match.py",
            "tests/unit/service/commit/test_unknown_outcomes.py",
            "tests/unit/service/snapshots/test_warm.py",
            "tests/unit/service/snapshots/test_pinned.py",
            "tests/unit/service/commit/test_patience.py",
            "tests/unit/edge/test_consistency.py",
            "tests/unit/service/maintenance/test_rebuilds.py",
            "tests/unit/service/commit/test_idempotency.py",
            "tests/unit/writers/test_writers.py",
            "tests/hostile/test_by_ranges.py",
        ),
    ),
    "plain": Area(
        ("service/plain.py", "service/plain_vectors.py", "service/plain_writes.py"),
        (
            "tests/unit/service/commit/test_commits.py",
            "tests/unit/service/commit/test_commits_create_delete.py",
            "tests/unit/service/snapshots/test_warm.py",
            "tests/unit/index/query/test_resident.py",
            "tests/unit/index/test_patch.py",
            "tests/unit/index/query/test_vector_listing.py",
            "tests/unit/service/commit/test_idempotency.py",
            "tests/integration/test_http_vectors.py",
            "tests/integration/test_search_requests.py",
        ),
    ),
    "s3": Area(
        ("stores/connections.py", "stores/s3.py", "stores/s3_address.py", "stores/s3_answers.py", "stores/s3_chain.py",
         "stores/s3_client.py", "stores/s3_errors.py", "stores/s3_listing.py",
         "stores/s3_multipart.py", "stores/s3_reads.py", "stores/s3_requests.py", "stores/s3_versions.py",
         "stores/s3_writes.py", "stores/sigv4.py"),
        (
            "-k", "not memory",  # the other store
            "tests/contract/test_connections.py",
            "tests/contract/test_s3_writes.py",
            "tests/contract/test_s3_reads.py",
            "tests/contract/test_s3_splice.py",
            "tests/contract/test_s3_upload_answers.py",
            "tests/contract/test_s3_versions.py",
            "tests/unit/storage/test_s3_address.py",
            "tests/unit/storage/test_s3_chain.py",
            "tests/unit/storage/test_sigv4.py",
            "tests/contract/test_s3_layout.py",
            "tests/contract/test_stores.py",
            "tests/contract/test_parts.py",
            "tests/contract/test_versions.py",
            "tests/contract/test_past.py",
            "tests/contract/test_s3_errors.py",
        ),
    ),
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Print what survived, for a person to judge; return 1 only if the tests fail as they are."""
    asked = argparse.ArgumentParser(prog="python -m tools.mutation")
    asked.add_argument("area", choices=AREAS)
    asked.add_argument("--mutants", type=int, help="at most, drawn from all by the seed; all of them if not given")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=1, help="how many are judged at once, each in a copy of its own")
    asked.add_argument("--minutes", type=float, default=24 * 60, help="begin no further mutant after that")
    options = asked.parse_args(arguments)
    area, began = AREAS[options.area], time.monotonic()
    drawn = _drawn(area, options.mutants, options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="vectord-mutation-") as folder,
        ProcessPoolExecutor(options.jobs, initializer=_enter_copy, initargs=(folder,)) as pool,
    ):
        if failed := pool.submit(_failure, area).result():
            print(f"the tests fail as they are\n{failed[-4_000:]}")
            return 1
        verdicts = Counter(_told(pool.map(partial(_judged, area, began + 60 * options.minutes), drawn)))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    print(f"{options.area}: {counts}; seed {options.seed}, {time.monotonic() - began:.0f} s")
    return 0


def _drawn(area: Area, most: int | None, seed: int) -> list[MutationSpec]:
    paths = [Path(PACKAGE, module) for module in area.modules]
    with contextlib.chdir(ROOT), tempfile.TemporaryDirectory() as folder, use_db(Path(folder, "session")) as session:
        init(paths, session, {})
        mutants = [one for item in session.work_items for one in item.mutations if _KEPT.match(one.operator_name)]
        mutants = sorted(filter(_can_be, mutants), key=lambda one: (one.module_path, one.operator_name, one.occurrence))
    random.Random(seed).shuffle(mutants)
    print(f"{len(mutants[:most])} of {len(mutants)} mutants", flush=True)
    return mutants[:most]


def _can_be(mutant: MutationSpec) -> bool:
    """Tell whether it can be made, and Python takes it: `def f(*, a)` holds no product, though cosmic-ray sees one."""
    source = mutant.module_path.read_text(encoding="utf-8")
    try:
        compile(mutate_code(source, get_operator(mutant.operator_name)(), mutant.occurrence), "mutant", "exec")
    except (SyntaxError, AttributeError):  # the latter from cosmic-ray, for `except (a.B, a.C)`
        return False
    return True


def _enter_copy(folder: str) -> None:
    place = Path(folder, str(os.getpid()))
    place.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / name)
    os.chdir(place)


def _failure(area: Area) -> str:
    """Run the tests as they are; the bytecode that this leaves spares every mutant the compiling of all but itself."""
    command, environment = shlex.split(area.command), os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=_SECONDS)
    return done.stdout.decode(errors="replace") if done.returncode else ""


def _judged(area: Area, until: float, mutant: MutationSpec) -> tuple[str, str]:
    """Return the verdict, and where the mutant is and the lines that it changes."""
    if time.monotonic() > until:
        return "not judged", ""
    result = mutate_and_test([mutant], area.command, _SECONDS)
    verdict = _VERDICTS[result.test_outcome]
    lines = re.findall(r"^[-+](?![-+]).*", result.diff or "", re.MULTILINE)
    return verdict, "\n".join((f"{mutant.module_path}:{mutant.start_pos[0]}  {mutant.operator_name}", *lines))


def _told(judged: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Print each that nothing noticed as soon as that is known, and pass on the verdicts."""
    for verdict, mutant in judged:
        if verdict in ("survived", "broken"):
            print(f"{verdict}  {mutant}", flush=True)
        yield verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
