"""Requests that match no route: the path exists with another method, or it does not exist."""

from typing import Any

import pytest

from tests.support import template
from vectord.edge import routes
from vectord.edge.openapi.operations import OPERATIONS
from vectord.errors import MethodNotAllowed, RequestInvalid, RouteNotFound

ALL = [operation.route for operation in OPERATIONS]


def event(method: str, path: str, stage: str = "$default") -> dict[str, Any]:
    return {"rawPath": path, "requestContext": {"stage": stage, "http": {"method": method}}}


def allow(method: str, path: str, stage: str = "$default") -> list[str]:
    error = routes.refusal(event(method, path, stage), ALL)
    assert isinstance(error, MethodNotAllowed), error
    return list(error.allowed)


def detail(method: str, path: str, stage: str = "$default") -> str:
    error = routes.refusal(event(method, path, stage), ALL)
    assert isinstance(error, RouteNotFound), error
    return str(error)


def test_the_known_routes_are_those_of_the_template() -> None:
    assert sorted(ALL) == sorted(template.native_routes())


@pytest.mark.parametrize("route", ALL)
def test_another_method_of_a_route_is_not_allowed(route: str) -> None:
    method, _, path = route.partition(" ")
    concrete = path.replace("{name}", "films").replace("{id+}", "a/b")
    assert method in allow("TRACE", concrete)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/indexes", {"GET", "POST"}),
        ("OPTIONS", "/indexes", {"GET", "POST"}),
        ("GET", "/indexes/films/search", {"POST"}),
        ("PUT", "/indexes/films/vectors/get", {"DELETE", "GET", "POST"}),  # also a path of the vector "get"
        ("POST", "/indexes/films/vectors/a//b", {"DELETE", "GET"}),
        ("POST", "/openapi.json", {"GET"}),
    ],
)
def test_allow_lists_the_methods_of_every_route_that_the_path_matches(
    method: str, path: str, allowed: set[str]
) -> None:
    assert allow(method, path) == sorted(allowed)


@pytest.mark.parametrize("path", ["", "/", "/index", "/indexes/films/searches", "/v1/indexes", "/openapiXjson"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert repr(path) in detail("GET", path)


@pytest.mark.parametrize("path", ["/indexes/", "/indexes/films/", "/indexes/films/search/", "/indexes/films/vectors/"])
def test_a_slash_at_the_end_is_named(path: str) -> None:
    assert f"Remove the slash at its end: {path.rstrip('/')!r}" in detail("GET", path)


@pytest.mark.parametrize("path", ["//indexes", "/indexes//search", "/indexes//vectors/a"])
def test_an_empty_segment_is_named(path: str) -> None:
    assert "empty segment" in detail("GET", path)


def test_a_path_in_capitals_is_named() -> None:
    assert "case-sensitive: '/indexes/films'" in detail("GET", "/Indexes/films")


def test_the_stage_is_not_part_of_the_path() -> None:
    assert allow("PUT", "/prod/indexes", stage="prod") == ["GET", "POST"]
    assert "'/films'" in detail("GET", "/prod/films", stage="prod")


def test_a_domain_of_its_own_hides_the_stage() -> None:
    assert allow("PUT", "/indexes", stage="prod") == ["GET", "POST"]
    assert allow("PUT", "/indexes/films/search", stage="indexes") == ["POST"]


def test_a_path_that_matches_only_after_decoding_is_not_found() -> None:
    assert "%2F" in detail("POST", "/indexes/films/search")


@pytest.mark.parametrize("path", ["/indexes/films/vectors/caf%E9", "/indexes/films/vectors/%ED%A0%80"])
def test_an_id_in_a_path_that_is_not_utf_8_is_refused_and_not_replaced(path: str) -> None:
    with pytest.raises(RequestInvalid, match="UTF-8"):
        routes.match(event("DELETE", path), ALL)
