"""The files of the page: complete, without a library or a request to another place, and safe with any text."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vectord_client.ui.application import PAGE, read_files

TESTS = Path(__file__).parent / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
NODE = shutil.which("node")
# Ways by which text becomes markup or code.
SINKS = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment|setHTML|\beval\b|"
    r"\bFunction\(|javascript:"
)


def test_every_file_of_the_page_is_served() -> None:
    assert set(read_files()) == {path.name for path in PAGE.iterdir()}


def test_files_that_are_named_exist() -> None:
    names = set(re.findall(r'(?:href|src)="([^"#]+)"', (PAGE / "index.html").read_text()))
    for script in SCRIPTS:
        names |= {name.removeprefix("./") for name in re.findall(r' from "([^"]+)"', script.read_text())}
    assert names <= set(read_files())
    assert {script.name for script in SCRIPTS} <= names


@pytest.mark.parametrize("file", [path.name for path in PAGE.iterdir()])
def test_nothing_is_requested_from_another_place(file: str) -> None:
    text = (PAGE / file).read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|//\w+\.\w+/|@import|url\(|\bimport\(", text) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_text_never_becomes_markup_or_code(script: Path) -> None:
    assert re.findall(SINKS, script.read_text()) == []


def test_html_has_no_inline_script_or_style_which_the_policy_forbids() -> None:
    text = (PAGE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", text) == []


def test_the_page_is_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.iterdir()) < 80_000


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("test", sorted(path.name for path in TESTS.glob("*.test.js")))
def test_modules_of_the_page(test: str, tmp_path: Path) -> None:
    assert NODE is not None
    shutil.copytree(PAGE, tmp_path, dirs_exist_ok=True)
    shutil.copy(TESTS / test, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    command = [NODE, "--test", "--test-reporter=tap", test]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE)
