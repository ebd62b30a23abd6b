"""Fixtures of the command line's tests."""

from pathlib import Path

import pytest
from tests.cli.support import Vectord


@pytest.fixture
def vectord(tmp_path: Path) -> Vectord:
    """The command in an empty folder."""
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    return Vectord(folder, home)
