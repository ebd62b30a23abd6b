"""The configurations of the mutation runs, and the filter that samples their mutants."""

import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.command.paths import ROOT

if TYPE_CHECKING:  # cosmic_ray takes a second to import, and most processes that collect this module run no test of it
    from cosmic_ray.work_item import MutationSpec

FOLDER = ROOT / "tools/mutation"
AREAS = sorted(path for path in FOLDER.glob("*.toml") if path.stem != "operators")


@pytest.mark.parametrize("area", AREAS, ids=lambda path: path.stem)
def test_an_area_names_modules_and_tests_that_exist(area: Path) -> None:
    settings = tomllib.loads(area.read_text())["cosmic-ray"]
    tests = [word for word in shlex.split(settings["test-command"]) if word.startswith("tests/")]
    assert tests
    assert [path for path in [*settings["module-path"], *tests] if not (ROOT / path).exists()] == []


def session(path: Path, *mutants: "MutationSpec") -> Path:
    from cosmic_ray.work_db import use_db
    from cosmic_ray.work_item import WorkItem

    with use_db(path / "session.sqlite") as db:
        db.add_work_items(WorkItem.single(str(number), mutant) for number, mutant in enumerate(mutants))
    return path / "session.sqlite"


def mutant(module: Path, operator: str, occurrence: int = 0) -> "MutationSpec":
    from cosmic_ray.work_item import MutationSpec

    return MutationSpec(module, operator, occurrence, (1, 0), (1, 1))


@pytest.mark.slow
def test_of_the_replacements_of_a_sign_only_neighbours_and_opposites_remain(tmp_path: Path) -> None:
    from cosmic_ray.plugins import operator_names
    from cosmic_ray.tools.filters.operators_filter import OperatorsFilter
    from cosmic_ray.work_db import use_db

    kept = {"ReplaceComparisonOperator_Lt_LtE", "ReplaceBinaryOperator_Add_Sub", "NumberReplacer"}
    dropped = {"ReplaceComparisonOperator_Lt_Gt", "ReplaceBinaryOperator_BitOr_Add"}
    names = [f"core/{name}" for name in kept | dropped]
    assert set(names) <= set(operator_names())
    path = session(tmp_path, *(mutant(tmp_path / "module.py", name) for name in names))
    OperatorsFilter().main([str(path), str(FOLDER / "operators.toml")])
    with use_db(path) as db:
        left = {item.mutations[0].operator_name.removeprefix("core/") for item in db.pending_work_items}
    assert left == kept


@pytest.mark.slow
def test_a_sample_has_mutants_that_compile_and_is_the_same_for_a_seed(tmp_path: Path) -> None:
    from cosmic_ray.work_db import use_db

    from tools.mutation.sample import Sample

    module = tmp_path / "module.py"
    module.write_text("def f(*, a):\n    return a * 2 < 3\n")
    mutants = [
        mutant(module, "core/ReplaceBinaryOperator_Mul_FloorDiv", 0),  # the star of the signature
        mutant(module, "core/ReplaceBinaryOperator_Mul_FloorDiv", 1),
        mutant(module, "core/NumberReplacer", 0),
        mutant(module, "core/NumberReplacer", 1),
    ]

    def drawn(*options: str) -> list[tuple[str, int]]:
        path = session(tmp_path, *mutants)
        Sample().main([str(path), *options])
        with use_db(path) as db:
            found = [(item.mutations[0].operator_name, item.mutations[0].occurrence) for item in db.work_items]
        path.unlink()
        return found

    assert sorted(drawn()) == [(m.operator_name, m.occurrence) for m in (mutants[2], mutants[3], mutants[1])]
    assert drawn("--mutants", "2", "--seed", "5") == drawn("--mutants", "2", "--seed", "5")
    assert len(drawn("--mutants", "2")) == 2
