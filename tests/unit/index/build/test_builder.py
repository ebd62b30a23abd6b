"""A build whose temporary files can't be written fails with the error of the file system, in the caller's thread."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from vectord.index.build.builder import build
from vectord.index.rows import Rows
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import new_params

ROWS = Rows(["a", "b", "c"], np.eye(3, dtype=np.float32), {})


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("packed", [1, 1 << 40], ids=["packed", "plain"])
def test_a_build_without_a_temporary_folder_raises_the_error_of_the_file_system(
    packed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(ROWS, new_params("t", 3), Thresholds(packed=packed, part=512))  # also checks Annoy's bulk load, once
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError, match="missing"):
        build(ROWS, new_params("t", 3), Thresholds(packed=packed, part=512))
