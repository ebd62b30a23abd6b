"""examples/hybrid_search.py, as users run it: in a folder of its own, twice."""

import os
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[2]
EXAMPLE = CLIENT.parents[1] / "examples/hybrid_search.py"


def run(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(CLIENT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, EXAMPLE], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_a_hybrid_search_finds_what_has_the_meaning_and_the_word(tmp_path: Path) -> None:
    first = run(tmp_path)
    _, vector, words, hybrid = first.splitlines()[:4]
    assert "dynamodb" not in vector
    assert "Restore" not in words
    assert hybrid.split()[1].startswith("dynamodb.Restore")
    assert run(tmp_path) == first


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40
