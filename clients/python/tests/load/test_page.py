"""The examples of docs/loading.md run in order, in an empty folder."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[4] / "docs/loading.md").read_text()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/loading.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["4", "2000 0 ()"]
    assert lines[3].startswith("<LoadReport 2,004 added, 0 replaced in ")
    assert int(lines[2]) == (tmp_path / "films.parquet").stat().st_size
