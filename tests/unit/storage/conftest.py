"""A folder that does not exist yet, and a store in it."""

from pathlib import Path

import pytest

from tests.support.file_stores import opened
from vectord.storage.files.store import FileStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return opened(folder)
