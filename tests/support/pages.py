"""The repository's documents as text, for the tests that compare them with the code."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def text_of(page: str) -> str:
    """Return the text of a document, whose path is relative to the repository."""
    return (ROOT / page).read_text()


def without_code(document: Path) -> str:
    """Return the text of a document without its blocks of code."""
    return re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)


def first_table(page: str) -> list[list[str]]:
    """Return the cells of a document's first table, without its heading."""
    table = re.findall(r"(?:^\|.*\n)+", text_of(page), re.MULTILINE)[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    title = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", heading)
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def output_of_python_examples(page: str, folder: Path) -> list[str]:
    """Run each Python example of a document in `folder` and return what it prints; none may import vectord."""
    printed = []
    for example in re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL):
        assert "vectord" not in example
        command = [sys.executable, "-W", "error", "-c", example]
        printed.append(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)
    return printed
