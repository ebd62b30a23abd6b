"""examples/semantic_search.py, as users run it: in a folder of its own, twice."""

import os
import subprocess
import sys
from pathlib import Path

from vectord_client import Client

CLIENT = Path(__file__).parents[2]
EXAMPLE = CLIENT.parents[1] / "examples/semantic_search.py"


def run(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(CLIENT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, EXAMPLE], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_it_answers_questions_and_keeps_its_index(tmp_path: Path) -> None:
    first = run(tmp_path)
    question, *_ = first.split("rotate an encryption key")[1].split("\n\n")
    assert "kms.RotateKeyOnDemand" in question
    assert (tmp_path / "data/aws-operations.lhv1").exists()
    assert run(tmp_path) == first


def test_after_an_interruption_it_adds_the_rows_that_are_missing(tmp_path: Path) -> None:
    first = run(tmp_path)
    with Client(tmp_path / "data") as client:
        operations = client.index("aws-operations")
        answers = [row.id for row in operations.rows() if f"  {row.id}\n" in first]
        assert operations.delete(ids=answers).deleted >= 3
    assert run(tmp_path) == first


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40
