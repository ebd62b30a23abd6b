"""The page on exports: its examples run on what an export gives."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support import vectors as v
from vectord.writers.export import FORMATS, export

PAGE = (Path(__file__).parents[3] / "docs/export.md").read_text()

PRINTED = [
    "['a', 'b', 'c'] (3, 3) {'a': {'kind': 'axis'}}\n['b', 'a']\n",
    "['a', 'b', 'c'] (3, 3) {'kind': 'axis'}\n",
    "[('a', 1.0, 'axis')]\n",
]


def test_the_examples_open_an_export_without_vectord(tmp_path: Path) -> None:
    items = [v.item("a", (1, 0, 0), {"kind": "axis"}), v.item("b", (0.5, 0.5, 0)), v.item("c", (0, 0, 1))]
    index = v.with_items(v.empty(3, m=1), items)
    for kind in FORMATS:
        (tmp_path / f"export.{kind}").write_bytes(b"".join(export(index, kind, "t", "a-commit")))
    printed = []
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        assert "vectord" not in example
        command = [sys.executable, "-W", "error", "-c", example]
        printed.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert printed == PRINTED


def test_the_page_lists_every_format() -> None:
    assert re.findall(r"^\| `([a-z0-9.]+)` \|", PAGE, re.MULTILINE) == list(FORMATS)
