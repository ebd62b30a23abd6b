"""The dependency rule: each layer imports only what lies below it, and each library has its one place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/vectord/vectord"

# A layer is a module or a sub-package of vectord; what it may import besides itself.
MAY_IMPORT = {
    "errors": set(),
    "params": {"errors"},
    "envelope": {"errors", "params"},
    "frame": {"errors", "envelope"},
    "filters": {"errors"},
    "forest": {"errors"},
    "local": {"errors", "frame"},
    "version1": {"errors", "params", "formats"},
    "index": {"errors", "params", "filters", "frame", "forest", "version1"},
    "stores": {"errors"},
    "stores.connections": set(),
    "stores.lambda_invoke": {"errors", "stores", "stores.connections"},
    "stores.s3": {"errors", "params", "stores", "stores.s3_listing", "stores.s3_reads", "stores.s3_writes"},
    "stores.s3_address": set(),
    "stores.s3_answers": {"errors", "stores.connections", "stores.s3_errors"},
    "stores.s3_chain": {"errors", "stores", "stores.s3_client"},
    "stores.s3_client": {"errors", "stores.s3_errors"},
    "stores.s3_errors": {"errors"},
    "stores.s3_listing": {"errors", "stores.s3_client"},
    "stores.s3_multipart": {"errors", "stores", "stores.s3_answers", "stores.s3_requests"},
    "stores.s3_reads": {
        *("errors", "stores", "stores.connections", "stores.s3_answers", "stores.s3_requests", "stores.s3_versions"),
    },
    "stores.s3_requests": {"errors", "stores", "stores.connections", "stores.s3_address"},
    "stores.s3_versions": {"errors", "stores", "stores.s3_answers", "stores.s3_requests"},
    "stores.s3_writes": {"errors", "stores", "stores.s3_answers", "stores.s3_multipart", "stores.s3_requests"},
    "formats": {"errors"},
    "portable": {"errors", "frame", "index"},
    "service": {"errors", "params", "filters", "frame", "formats", "index", "local", "portable", "stores"},
    "edge": {"errors", "params", "filters", "formats", "service", "stores"},
    "stores.s3_inbox": {"errors", "stores", "stores.s3_client"},
    "runtime": {
        *("local", "service", "stores", "stores.lambda_invoke", "stores.s3"),
        *("stores.s3_address", "stores.s3_reads", "stores.s3_requests", "stores.s3_writes"),
        *("stores.s3_chain", "stores.s3_client", "stores.s3_listing"),  # at the first use
    },
    "runtime_inbox": {"runtime", "service", "stores.s3_client", "stores.s3_inbox"},
    "runtime_compact": {"runtime", "service"},
    "functions": {"edge", "runtime", "runtime_compact", "runtime_inbox", "service", "formats", "errors"},
}
ONLY_IMPORTERS = {
    "annoy": {"forest"},
    "boto3": {"stores.s3_client"},
    "botocore": {"stores.s3_client", "stores.s3_chain"},
    "csimdjson": {"formats"},
    "duckdb": {"formats", "portable"},
    "isal": {"formats", "portable"},
    "os": {"runtime", "runtime_compact", "runtime_inbox", "local"},
}


def _layer(module: str) -> str:
    parts = module.split(".")
    aws = parts[0] == "stores" and len(parts) > 1 and parts[1].startswith(("s3", "lambda", "connections"))
    return ".".join(parts[:2]) if aws else parts[0]


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def _sources() -> list[tuple[str, Path]]:
    modules = [
        (_layer(".".join(path.relative_to(PACKAGE).with_suffix("").parts)), path) for path in PACKAGE.rglob("*.py")
    ]
    handlers = [("functions", path) for path in ROOT.glob("functions/*/handler.py")]
    return [(layer, path) for layer, path in modules if layer != "__init__"] + handlers


def _layers_of(imported: str) -> set[str]:
    """The layers that `vectord.a.b` or `vectord.a` (from `from vectord import a`) lies in; none for other libraries."""
    top, _, rest = imported.partition(".")
    return {_layer(rest)} if top == "vectord" and rest else set()


@pytest.mark.parametrize(("layer", "path"), _sources(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_no_arrow_points_up(layer: str, path: Path) -> None:
    reached = {below for name in _imports(path) for below in _layers_of(name)}
    assert reached - {layer} <= MAY_IMPORT[layer]


@pytest.mark.parametrize(("layer", "path"), _sources(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_a_library_at_the_border_has_one_importer(layer: str, path: Path) -> None:
    borders = {name.partition(".")[0] for name in _imports(path)} & ONLY_IMPORTERS.keys()
    assert [library for library in borders if layer not in ONLY_IMPORTERS[library]] == []


def test_every_layer_is_in_the_rule() -> None:
    assert {layer for layer, _ in _sources()} == MAY_IMPORT.keys()
