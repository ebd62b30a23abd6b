"""The package is quick to import."""

import subprocess
import sys
from pathlib import Path

import pytest

import vectord_client

SOURCE = str(Path(vectord_client.__file__).parents[1])

HEAVY = (
    "click", "tqdm", "numpy", "pandas", "pyarrow", "botocore", "vectord", "vectord_client.cli",
    "vectord_client.embedded", "vectord_client.load.load", "vectord_client.ui", "waitress",
)  # fmt: skip


def _modules(program: str) -> set[str]:
    command = [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"]
    ran = subprocess.run(command, env={"PYTHONPATH": SOURCE}, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_imports_at_most_a_third_more_modules_than_its_libraries() -> None:
    base = _modules("pass")
    client, libraries = _modules("import vectord_client") - base, _modules("import httpx2, msgspec") - base
    assert len(client) <= 1.3 * len(libraries)


@pytest.mark.parametrize("module", HEAVY)
def test_does_not_import_what_not_every_program_needs(module: str) -> None:
    assert module not in _modules("import vectord_client")
