"""The Python examples of the documents read blobs and exports without vectord, and print what is expected."""

import re
from pathlib import Path

from tests.support import vectors as v
from tests.support.pages import ROOT, output_of_python_examples, text_of
from vectord.writers.export import FORMATS, export

_COLUMNS = "deep deep.é deep.é.n empty flag half kind large long small tags\n"
_VALUES = "[(0, 0), (4, 4)] [(1, 0.5), (5, 2.5)] [(3, b'odd'), (7, b'odd')]\n"


def test_the_examples_of_lhv1_read_the_golden_files(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    assert output_of_python_examples("docs/lhv1.md", tmp_path) == [
        "['a', 'b/%2F + é']\n",
        "41 replaced False False 33\n",
        _COLUMNS + _VALUES,
        "60 6 80 [ 0 10 20] [40, 15, 37] 0\n",
        "82 77 62 True row-66 é 0\n",
    ]


def test_the_examples_of_export_read_an_export_of_each_format(tmp_path: Path) -> None:
    items = [v.item("a", (1, 0, 0), {"kind": "axis"}), v.item("b", (0.5, 0.5, 0)), v.item("c", (0, 0, 1))]
    index = v.with_items(v.empty(3, m=1), items)
    for name in FORMATS:
        (tmp_path / f"export.{name}").write_bytes(b"".join(export(index, name, "t", "a-commit")))
    assert output_of_python_examples("docs/export.md", tmp_path) == [
        "['a', 'b', 'c'] (3, 3) {'a': {'kind': 'axis'}}\n['b', 'a']\n",
        "['a', 'b', 'c'] (3, 3) {'kind': 'axis'}\n",
        "[('a', 1.0, 'axis')]\n",
    ]


def test_the_page_of_exports_lists_every_format() -> None:
    assert re.findall(r"^\| `([a-z0-9.]+)` \|", text_of("docs/export.md"), re.MULTILINE) == list(FORMATS)
