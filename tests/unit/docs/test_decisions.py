"""The decision records: complete, listed by topic, and a superseded one links to its successor."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs/decisions"
INDEX = (FOLDER / "README.md").read_text()
TOPICS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PARTS = ["**Status:**", "**Context.**", "**Decision.**", "**Alternatives.**", "**Figures"]

DECISIONS = [
    (f"{topic.name}: {decision.splitlines()[0]}", decision)
    for topic in TOPICS
    for decision in re.split(r"^## ", topic.read_text(), flags=re.MULTILINE)[1:]
]
BY_TITLE = pytest.mark.parametrize("decision", [text for _, text in DECISIONS], ids=[name for name, _ in DECISIONS])


@BY_TITLE
def test_a_decision_has_status_context_decision_alternatives_and_figures_in_this_order(decision: str) -> None:
    assert (
        re.findall(r"^(\*\*(?:Status:|Context\.|Decision\.|Alternatives\.)\*\*|\*\*Figures)", decision, re.M) == PARTS
    )


@BY_TITLE
def test_a_superseded_decision_links_to_its_successor(decision: str) -> None:
    status = decision.split("**Context.**", maxsplit=1)[0]
    assert "superseded by" not in status or re.search(r"superseded by\s\[\d+\. .+?\]\(.*?#\d+-", status)


def test_every_decision_is_listed_once_under_its_topic() -> None:
    listed = re.findall(r"^\| \[(.+?)\]\((\w+\.md)#", INDEX, re.MULTILINE)
    assert sorted(f"{page}: {title}" for title, page in listed) == sorted(name for name, _ in DECISIONS)


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [int(re.match(r"\d+", decision)[0]) for _, decision in DECISIONS]  # type: ignore[index]
    assert len(set(numbers)) == len(numbers)
