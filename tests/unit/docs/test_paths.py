"""Every file and folder that a document names exists, in the repository or in the package."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = (ROOT, ROOT / "layers/vectord/vectord", ROOT / "tests")
DOCUMENTS = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"]
# Made while the commands run, or keys in a bucket.
ELSEWHERE = re.compile(r"\.venv/|\.cache/|\.aws-sam/|\.staging/|uploads/|rejected/|_vectors/|fuzz/found/|/|~|\.<")


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    named = set(re.findall(r"`([\w.*/-]+(?:/|\.(?:py|md|svg|toml|yaml|txt|lock|json)))`", text))
    paths = sorted(path for path in named if "/" in path and not ELSEWHERE.match(path))
    assert [path for path in paths if not any(any(place.glob(path.rstrip("/"))) for place in PLACES)] == []
