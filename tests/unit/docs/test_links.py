"""Everything that a document points to exists: pages, sections, files, folders, make targets and tests."""

import re
from pathlib import Path

import pytest

from tests.support.pages import DOCUMENTS, ROOT, anchor, text_of, without_code

CLIENT = ROOT / "clients/python"
FOLDERS = (ROOT, ROOT / "layers/vectord/vectord", ROOT / "tests", CLIENT, CLIENT / "src/vectord_client")
# Files that commands make, and keys in a bucket.
ELSEWHERE = re.compile(
    r"\.venv/|\.vscode/|\.cache/|\.aws-sam/|\.staging/|uploads/|rejected/|_vectors/|fuzz/found/|/|~|\.<"
)

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])


@each_document
def test_every_page_and_section_that_a_document_links_to_exists(document: Path) -> None:
    for page, section in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", without_code(document)):
        target = document.parent / page if page else document
        assert target.exists(), f"{page} does not exist"
        assert not section or section in _anchors(target), f"{page} has no section #{section}"


def _anchors(page: Path) -> list[str]:
    return [anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)]


@each_document
def test_every_file_and_folder_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"`([\w.*/-]+(?:/|\.(?:py|md|svg|toml|yaml|txt|lock|json)))`", without_code(document))
    paths = sorted({path for path in named if "/" in path and not ELSEWHERE.match(path)})
    assert [path for path in paths if not any(any(folder.glob(path.rstrip("/"))) for folder in FOLDERS)] == []


@each_document
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"(?:`|^)make ((?:[a-z][a-z-]*[ `\n])+)", document.read_text(), re.MULTILINE)
    targets = sorted({target for targets in named for target in re.findall(r"[a-z-]+", targets)})
    assert [target for target in targets if not re.search(rf"^{target}:", text_of("Makefile"), re.MULTILINE)] == []


@each_document
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    modules = [*ROOT.glob("tests/**/test_*.py"), *CLIENT.glob("tests/**/test_*.py")]
    known = {path.name for path in modules}
    known.update(re.findall(r"def (test_\w+)\(", "\n".join(path.read_text() for path in modules)))
    named = re.findall(r"`(test_\w+(?:\.py)?)`", document.read_text())
    assert sorted(set(named) - known) == []
