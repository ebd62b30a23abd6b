"""docs/api.md has one section with one example for each operation, and examples are compared as documented."""

import re
from typing import Any

import pytest

from tests.support import template
from tests.support.examples import Sent, Values, parsed, sections
from tests.support.pages import anchor, text_of

PAGE = text_of("docs/api.md")
SECTIONS = sections(PAGE)


def test_every_route_has_one_section_and_every_section_one_route() -> None:
    routes = [route for section in SECTIONS for route in section.routes]
    assert sorted(routes) == sorted(template.native_routes())
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
    expected = {(section.title, anchor(section.title), route) for section in SECTIONS for route in section.routes}
    assert set(rows) == expected


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
def test_values_that_vary_between_runs_match_their_placeholders(shown: Any, found: Any) -> None:
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
def test_any_other_difference_is_found(shown: Any, found: Any) -> None:
    assert Values().difference(shown, found) is not None


def test_a_command_is_parsed_as_a_shell_and_curl_would() -> None:
    command = """curl -G "$URL/a?b=1" -H 'x: y' --data-urlencode 'c=$URL {1}' """
    assert parsed(command, {"URL": ""}) == Sent("GET", "/a", {"b": "1", "c": "$URL {1}"}, {"x": "y"}, None)
    assert parsed("""curl -X POST "$URL/a" -d "{\\"b\\": \\"$V\\"}" """, {"URL": "", "V": "v"}).body == '{"b": "v"}'
