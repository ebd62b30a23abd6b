"""The documents: their examples run, their numbers are those of the code, and their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import costs, shard_costs
from vectord.edge import problems, telemetry
from vectord.edge.handler import MAX_ANSWER
from vectord.edge.request import MAX_BODY
from vectord.index.query.query import MAX_K, MAX_QUERIES
from vectord.lhv1 import params
from vectord.readers.entry import MAX_NESTING
from vectord.service.vectors import MAX_IDS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def _table(page: str) -> list[list[str]]:
    """Return the cells of the first table of a page, without its heading."""
    table = re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text(), re.MULTILINE)[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def test_the_examples_that_open_blobs_without_vectord_run(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs/lhv1.md").read_text(), re.DOTALL)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    printed = []
    for example in code:
        assert "vectord" not in example
        command = [sys.executable, "-W", "error", "-c", example]
        printed.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    columns = "deep deep.é deep.é.n empty flag half kind large long small tags\n"
    values = "[(0, 0), (4, 4)] [(1, 0.5), (5, 2.5)] [(3, b'odd'), (7, b'odd')]\n"
    assert printed == ["['a', 'b/%2F + é']\n", "41 replaced False False 33\n", columns + values]


def test_the_page_of_errors_lists_every_kind_of_problem_with_its_status() -> None:
    rows = _table("docs/errors.md")
    listed = {(int(status), slug) for status, types, *_ in rows for slug in re.findall(r"`([a-z-]+)`", types)}
    assert listed == {(kind.status, kind.slug) for kind in problems.KINDS.values()}


def test_the_cost_table_is_what_the_arithmetic_prints() -> None:
    assert costs.table() in (ROOT / "docs/costs.md").read_text()


def test_the_tables_of_sharding_are_what_the_arithmetic_prints() -> None:
    page = (ROOT / "docs/sharding.md").read_text()
    assert shard_costs.searches() in page
    assert shard_costs.batches() in page


def test_operations_lists_every_parameter_of_the_template() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    template = (ROOT / "template.yaml").read_text().split("\nParameters:\n")[1].split("\nRules:\n")[0]
    assert [name for name in re.findall(r"^  (\w+):$", template, re.MULTILINE) if f"`{name}`" not in page] == []


def test_operations_names_every_metric() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert [name for name in telemetry.UNITS if name not in page] == []


def test_the_page_of_limits_states_those_of_the_code() -> None:
    stated = {row[0]: row[1] for row in _table("docs/limits.md")}
    assert stated["dimension"] == f"1 to {params.MAX_DIMENSION:,}"
    assert stated["shards"].startswith(f"1 to {params.MAX_SHARDS:,}")
    assert stated["k"] == f"1 to {MAX_K:,}"
    assert f"1 to {params.MAX_ID_BYTES:,} bytes" in stated["id"]
    assert stated["queries a search"] == f"1 to {MAX_QUERIES}"
    assert stated["ids a get"] == f"1 to {MAX_IDS:,}"
    assert f"up to {MAX_NESTING} levels" in stated["metadata of a vector"]
    assert stated["request"].startswith(f"{MAX_BODY >> 20} MB")
    assert stated["answer"].startswith(f"{MAX_ANSWER >> 20} MB")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_and_section_that_a_document_links_to_exists(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for page, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        target = document.parent / page if page else document
        assert target.exists(), f"{page} does not exist"
        assert not anchor or anchor in _anchors(target), f"{page} has no section #{anchor}"


def _anchors(page: Path) -> list[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    titles = [re.sub(r"\[(.+?)\]\(.+?\)", r"\1", heading) for heading in headings]
    return [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z-]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_figures_of_the_readme_are_those_of_the_benchmark() -> None:
    measured = set(re.findall(r"\d+\.\d+", (ROOT / "docs/benchmark.md").read_text()))
    shown = {figure for _, *cells in _table("README.md") for cell in cells for figure in re.findall(r"\d+\.\d+", cell)}
    assert shown
    assert shown <= measured
