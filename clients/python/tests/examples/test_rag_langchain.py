"""The example of retrieval-augmented generation runs as it is, offline."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "examples/rag_langchain.py"


def test_the_example_answers_from_the_documentation(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, str(EXAMPLE), "How long are earlier versions kept?"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "clients/python/src")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "VersionDays" in answer
    assert "docs/versions.md" in answer


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40
