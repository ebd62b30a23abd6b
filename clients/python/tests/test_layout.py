"""The layout of the package: no import cycles, a core without input and output, modules of a readable size."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src/vectord_client"
NAME = PACKAGE.name
MOST_LINES = 300
# Folders that build requests and read answers: they neither send, sleep nor open files.
CORE = ("wire", "rows")
INPUT_AND_OUTPUT = {
    "asyncio",
    "concurrent",
    "http",
    "httpx2",
    "socket",
    "subprocess",
    "threading",
    "time",
    "urllib3",
}


def _module(path: Path) -> str:
    return ".".join((NAME, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@cache
def _modules() -> Mapping[str, Path]:
    return {_module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imported(path: Path) -> Iterator[str]:
    """Yield what a module imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in _modules() else str(node.module) for name in names)


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {name: {one for one in _imported(path) if one in _modules()} - {NAME} for name, path in _modules().items()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("folder", CORE)
def test_the_core_does_no_input_and_output(folder: str) -> None:
    used = {one.partition(".")[0] for path in (PACKAGE / folder).rglob("*.py") for one in _imported(path)}
    assert used & INPUT_AND_OUTPUT == set()


def test_modules_have_a_readable_size() -> None:
    assert [name for name, path in _modules().items() if len(path.read_text().splitlines()) > MOST_LINES] == []


def test_a_package_says_what_it_is_and_has_no_code() -> None:
    for path in PACKAGE.glob("*/**/__init__.py"):
        [statement] = ast.parse(path.read_text()).body
        assert isinstance(statement, ast.Expr), path


def test_only_the_command_line_prints() -> None:
    calls = [
        f"{name}:{node.lineno}"
        for name, path in _modules().items()
        if not name.startswith(f"{NAME}.cli")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []
