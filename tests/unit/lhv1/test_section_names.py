"""Which sections a body may have, and in which order."""

import pytest

from vectord.lhv1.section_names import invalid_reason

BASE = ["columns", "rows", "graph"]


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["graph"],
        ["tail", "tail"],
        ["piece", "piece"],
        ["rows", "graph"],
        ["parts", *BASE],
        ["sketch", *BASE, "tail"],
        ["piece", "piece", "parts", *BASE],
        ["piece", *BASE],
        ["parts-head", "parts", *BASE],
        ["parts-head", "piece", "piece", "parts", *BASE],
    ],
)
def test_these_sections_belong_together(names: list[str]) -> None:
    assert invalid_reason(names) is None


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["rows", "graph", "graph"], "twice"),
        (["parts", "parts", *BASE], "twice"),
        (["parts-head", "parts-head", "parts", *BASE], "twice"),
        (["rows"], "missing"),
        (["sketch"], "missing"),
        (["columns", "graph"], "missing"),
        (["parts", "graph"], "missing"),
        (["parts-head", "piece"], "missing"),
        (["parts", "sketch", *BASE], "excludes"),
        (["piece", *BASE, "tail"], "excludes"),
        (["piece", "tail"], "excludes"),
        (["piece", "parts", "piece", *BASE], "behind"),
        (["parts", *BASE, "piece"], "behind"),
        (["piece", "parts-head", "parts", *BASE], "first"),
        (["parts", "parts-head", *BASE], "first"),
    ],
)
def test_these_sections_contradict_each_other(names: list[str], reason: str) -> None:
    assert reason in (invalid_reason(names) or "")
