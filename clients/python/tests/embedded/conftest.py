"""Fixtures of embedded mode."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.embedded.support import create_built

from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(cache_folder=tmp_path / "cache")


@pytest.fixture
def gateway(tmp_path: Path, options: Options) -> Iterator[Gateway]:
    opened = open_gateway(tmp_path / "data", options)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    create_built(folder / "data", "films", Options(cache_folder=folder / "cache"))
    return folder / "data"


@pytest.fixture
def built(_built: Path, tmp_path: Path) -> Path:
    """A folder with the index `films`, whose rows are built, in the packed form."""
    return Path(shutil.copytree(_built, tmp_path / "data"))
