"""The `$default` route: every request without a route of its own gets a problem document."""

from typing import Any

import pytest

from tests.support.api import Answer, Api


def problem(answer: Answer) -> Any:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    return answer.json["type"].removeprefix("urn:vectord:problem:")


@pytest.mark.parametrize("path", ["/", "/index", "/indexes/", "/indexes/t/search/", "/indexes//vectors", "/x%2Fy"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
def test_an_unknown_path_is_route_not_found(ephemeral: Api, method: str, path: str) -> None:
    answer = ephemeral.send(method, path)
    assert (answer.status, problem(answer)) == (404, "route-not-found")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE"])
def test_a_method_that_a_path_does_not_have_is_405_with_allow(ephemeral: Api, method: str) -> None:
    answer = ephemeral.send(method, "/indexes/t/search")
    assert (answer.status, problem(answer), answer.headers["Allow"]) == (405, "method-not-allowed", "POST")


def test_the_body_of_an_unknown_request_is_not_read(ephemeral: Api) -> None:
    assert ephemeral.send("POST", "/index", "x" * 7_000_000).status == 404


def test_a_preflight_gets_the_methods_of_its_path(ephemeral: Api) -> None:
    route = "OPTIONS /{proxy+}"
    ephemeral.routes[route] = ephemeral.routes["$default"]
    event = {
        "routeKey": route,
        "rawPath": "/indexes/t/search",
        "pathParameters": {"proxy": "indexes/t/search"},
        "requestContext": {"http": {"method": "OPTIONS"}},
    }
    answer = ephemeral.invoke(route, event)
    assert (answer.status, answer.text, answer.headers["Allow"]) == (204, "", "OPTIONS, POST")
