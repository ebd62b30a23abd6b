"""The dependency rule of the package, and the sizes that keep its modules readable."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/vectord"

# From the top down: a module imports from its own folder and from folders below it, never from one above.
FLOORS = (
    "functions",
    "vectord.runtime",
    "vectord.edge.openapi",
    "vectord.edge.events",
    "vectord.edge.s3vectors",
    "vectord.edge",
    "vectord.edge.schemas",
    "vectord.service",
    "vectord.service.buckets",
    "vectord.service.ingestion",
    "vectord.service.maintenance",
    "vectord.service.sharding",
    "vectord.service.single",
    "vectord.service.commit",
    "vectord.service.snapshots",
    "vectord.service.values",
    "vectord.storage.s3",
    "vectord.storage.files",
    "vectord.storage",
    "vectord.writers",
    "vectord.index.codec",
    "vectord.index.build",
    "vectord.index.build.partitioning",
    "vectord.index.query.text",
    "vectord.index.query",
    "vectord.index",
    "vectord.index.columns",
    "vectord.index.text",
    "vectord.index.sections",
    "vectord.index.kernels",
    "vectord.cache",
    "vectord.lhv1.v1",
    "vectord.readers",
    "vectord.lhv1",
    "vectord.forest",
    "vectord.text",
    "vectord.filters",
    "vectord",
)

# A library at the border is imported in these folders alone.
BORDERS = {
    "Stemmer": {"vectord.text"},
    "annoy": {"vectord.forest"},
    "aws_lambda_powertools": {"vectord.edge", "vectord.edge.events"},
    "boto3": {"vectord.storage.s3", "vectord.storage"},
    "botocore": {"vectord.storage.s3", "vectord.storage"},
    "csimdjson": {"vectord.readers"},
    "duckdb": {"vectord.readers", "vectord.writers"},
    "isal": {"vectord.readers", "vectord.writers"},
    "obstore": {"vectord.storage.s3"},
    "os": {"vectord.cache", "vectord.runtime", "vectord.storage.files"},
}


# Rooms that most requests do not need, so that they are imported inside functions.
OF_TEXTS = (
    "vectord.text.",
    "vectord.index.query.texts",
    "vectord.index.query.words",
    "vectord.index.query.text.",
    "vectord.index.text.",
    "vectord.index.sections.text",
    "vectord.lhv1.text_layout",
)


@cache
def sources() -> dict[str, Path]:
    """Each module of the package and each handler, by its dotted name."""
    layer = {_dotted(path.relative_to(LAYER)): path for path in LAYER.rglob("*.py")}
    handlers = {_dotted(path.relative_to(ROOT)): path for path in ROOT.glob("functions/*/handler.py")}
    return layer | handlers


def is_of_texts(module: str) -> bool:
    return module.startswith(OF_TEXTS)


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(sources()[module].read_text())


def imports(module: str, *, inside_functions: bool = False) -> Iterator[str]:
    """Yield what a module imports: modules of the project by their whole name, others as they are written."""
    tree = _tree(module)
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] if inside_functions else [tree]
    return _imported(node for scope in scopes for node in ast.walk(scope))


def imported_with(module: str) -> Iterator[str]:
    """Yield what is imported together with a module: not what its functions import, nor what only types need."""
    return _imported(iter(_tree(module).body))


def _imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in sources() else str(node.module) for name in names)


def floor(module: str) -> str:
    """Return the folder of FLOORS that holds a module."""
    if module.startswith("functions."):
        return "functions"
    folder = module if sources()[module].name == "__init__.py" else module.rpartition(".")[0]
    assert folder in FLOORS, f"{folder} has no floor: add it to FLOORS"
    return folder


def test_no_import_points_up() -> None:
    up = [
        f"{module} imports {name}"
        for module in sources()
        for name in imports(module)
        if name in sources() and FLOORS.index(floor(name)) < FLOORS.index(floor(module))
    ]
    assert up == []


def test_no_modules_import_each_other() -> None:
    graph = {module: [name for name in imports(module) if name in sources()] for module in sources()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"import cycle: {' <- '.join(error.args[1])}") from error


def test_a_library_at_the_border_is_imported_in_its_folders_alone() -> None:
    astray = [
        f"{module} imports {library}"
        for module in sources()
        for library in {name.partition(".")[0] for name in imports(module)} & BORDERS.keys()
        if floor(module) not in BORDERS[library]
    ]
    assert astray == []


def test_modules_of_ours_are_imported_at_the_top() -> None:
    late = [
        f"{module} imports {name} in a function"
        for module in sources()
        for name in imports(module, inside_functions=True)
        if name in sources() and not is_of_texts(name)
    ]
    assert len(late) <= 9, late


def test_a_handler_imports_the_rooms_of_texts_only_where_an_index_has_texts() -> None:
    for handler in (module for module in sources() if module.startswith("functions.")):
        reached, waiting = set[str](), [handler]
        while waiting:
            module = waiting.pop()
            if module not in reached and module in sources():
                reached.add(module)
                waiting += imported_with(module)
        assert [module for module in reached if is_of_texts(module)] == [], handler


def test_no_module_answers_for_names_that_it_does_not_define() -> None:
    facades = [
        module
        for module in sources()
        for node in _tree(module).body
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
    ]
    assert facades == []


def test_a_folder_states_its_one_idea_and_holds_no_code_in_its_init() -> None:
    wrong = [
        module
        for module, path in sources().items()
        if path.name == "__init__.py" and (ast.get_docstring(_tree(module)) is None or _code_after_docstring(module))
    ]
    assert wrong == []


def _code_after_docstring(module: str) -> bool:
    allowed = {"__version__"} if module == "vectord" else set()
    return any(
        not (isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} <= allowed)
        for node in _tree(module).body[1:]
    )


def test_modules_are_neither_long_nor_many_and_tiny() -> None:
    lines = {
        module: len(path.read_text().splitlines()) for module, path in sources().items() if path.name != "__init__.py"
    }
    assert [module for module, count in lines.items() if count > 300] == []
    tiny = [module for module, count in lines.items() if count < 40 and not module.startswith("functions.")]
    assert len(tiny) <= 12, tiny
