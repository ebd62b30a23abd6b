"""The Python blocks of the documentation run, and print what is shown below them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import vectord_client

DOCS = Path(__file__).parents[4] / "docs"
ELSEWHERE = {"haystack", "langchain", "llamaindex"}  # their adapters' tests run them
_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)

# Runs blocks in one namespace, each with its output, and separates the outputs by a line.
_RUNNER = """
import sys, json
blocks, namespace = json.load(sys.stdin), {"__name__": "__main__"}
for name, code in blocks:
    exec(compile(code, name, "exec"), namespace)
    print("\\x1e")
"""


def _pages() -> list[str]:
    """Return the pages with programs of the client."""
    found = (page.stem for page in sorted(DOCS.glob("*.md")) if any("vectord_client" in c for c, _ in _blocks(page)))
    return [name for name in found if name not in ELSEWHERE]


def _blocks(page: Path) -> list[tuple[str, str]]:
    return _BLOCK.findall(page.read_text())


@pytest.mark.parametrize("name", _pages())
def test_the_programs_of_a_page_run_and_print_what_it_shows(name: str, tmp_path: Path) -> None:
    blocks = _blocks(DOCS / f"{name}.md")
    programs = msgspec.json.encode([(f"{name}.md, block {n}", code) for n, (code, _) in enumerate(blocks, 1)])
    source = str(Path(vectord_client.__file__).parents[1])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": source}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUNNER],
        input=programs, cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    printed = ran.stdout.decode().split("\x1e\n")[:-1]
    for (code, shown), output in zip(blocks, printed, strict=True):
        assert not shown or output == shown, code
