"""docs/api.md: one section an operation, each with an example; and how its examples are read."""

import re
from typing import Any

import pytest

from tests.support import template
from tests.support.examples import Sent, Values, parsed, sections

PAGE = (template.ROOT / "docs/api.md").read_text()
SECTIONS = sections(PAGE)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def test_every_route_has_one_section_and_every_section_one_route() -> None:
    told = [route for section in SECTIONS for route in section.routes]
    assert sorted(told) == sorted(template.routes())
    assert [section.title for section in SECTIONS if len(section.routes) > 1] == []


def test_every_operation_has_one_example() -> None:
    assert [section.title for section in SECTIONS if len(section.examples) != len(section.routes)] == []


def test_an_example_calls_the_route_of_its_section() -> None:
    for section in SECTIONS:
        for route, example in zip(section.routes, section.examples, strict=True):
            sent = parsed(example.command, {"URL": "", "VERSION": "v"})
            pattern = re.sub(r"{\w+\+?}", "[^/]+", route)
            assert re.fullmatch(pattern, f"{sent.method} {sent.path}"), section.title


def test_the_page_begins_with_a_list_of_every_operation_with_a_link_to_its_section() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(#(\S+?)\) \| `(\S+ \S+)` \|", PAGE, re.MULTILINE)
    wanted = {(section.title, _anchor(section.title), route) for section in SECTIONS for route in section.routes}
    assert set(rows) == wanted


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"a": "…"}, {"a": "anything"}),
        ({"a": "x…z"}, {"a": "xyz"}),
        ({"a": 1, "…": "…"}, {"a": 1, "b": 2}),
        ({"milliseconds": {"p50": 1}}, {"milliseconds": {"p50": 2.5}}),
        ([{"bytes": 1}], [{"bytes": 2}]),
        ({"a": "$NAME", "b": "$NAME"}, {"a": "x", "b": "x"}),
    ],
)
def test_what_differs_from_run_to_run_is_let_through(shown: Any, found: Any) -> None:
    assert Values().difference(shown, found) is None


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"a": "x…z"}, {"a": "xy"}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "…": "…"}, {"b": 2}),
        ({"milliseconds": 1}, {"milliseconds": None}),
        ({"a": [1]}, {"a": [1, 1]}),
        ({"a": None}, {"a": "x"}),
        ({"a": "$NAME"}, {"a": ""}),
        ({"a": "$NAME", "b": "$NAME"}, {"a": "x", "b": "y"}),
    ],
)
def test_everything_else_must_be_the_same(shown: Any, found: Any) -> None:
    assert Values().difference(shown, found) is not None


def test_a_command_is_read_as_a_shell_and_curl_read_it() -> None:
    command = """curl -G "$URL/a?b=1" -H 'x: y' --data-urlencode 'c=$URL {1}' """
    assert parsed(command, {"URL": ""}) == Sent("GET", "/a", {"b": "1", "c": "$URL {1}"}, {"x": "y"}, None)
    assert parsed("""curl -X POST "$URL/a" -d "{\\"b\\": \\"$V\\"}" """, {"URL": "", "V": "v"}).body == '{"b": "v"}'
