"""The package as it is built and installed."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _version(folder: Path) -> str:
    return str(tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"])


def test_has_the_version_of_the_engine() -> None:
    assert _version(ROOT / "clients/python") == _version(ROOT)
