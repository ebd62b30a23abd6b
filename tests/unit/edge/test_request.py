"""Reading an HTTP API event (payload format 2.0) as a request."""

import base64
from typing import Any

import pytest
from msgspec import structs

from vectord.edge import request as events
from vectord.edge.request import Request
from vectord.errors import MalformedJson, RequestTooLarge, RouteNotFound
from vectord.service.values.options import Deadline

ROUTES = ["GET /indexes", "GET /indexes/{name}", "GET /indexes/{name}/vectors/{id+}"]
LOOKUP = ROUTES[2]


def read(**event: Any) -> Request:
    return events.read({"routeKey": "GET /indexes", **event}, ROUTES, deadline=Deadline(7.5))


def read_path(method: str, path: str) -> Request:
    return read(routeKey="$default", rawPath=path, requestContext={"http": {"method": method}})


class TestRoute:
    def test_is_the_route_key_of_the_event(self) -> None:
        request = read(routeKey="GET /indexes/{name}", pathParameters={"name": "t"})
        assert (request.route, request.path) == ("GET /indexes/{name}", {"name": "t"})

    def test_of_another_function_is_not_found(self) -> None:
        with pytest.raises(RouteNotFound):
            read(routeKey="POST /indexes/{name}/search", pathParameters={"name": "t"})

    def test_without_its_parameters_is_not_found(self) -> None:
        with pytest.raises(RouteNotFound):
            read(routeKey="GET /indexes/{name}")

    @pytest.mark.parametrize("event", [{}, {"routeKey": None}, {"requestContext": {}}, {"rawPath": "/indexes"}])
    def test_of_an_event_without_a_route_key_is_not_found(self, event: dict[str, Any]) -> None:
        with pytest.raises(RouteNotFound):
            events.read(event, ROUTES, deadline=Deadline(0))

    @pytest.mark.parametrize(
        ("path", "route", "parameters"),
        [
            ("/indexes", "GET /indexes", {}),
            ("/indexes/t", "GET /indexes/{name}", {"name": "t"}),
            ("/indexes/t/vectors/a", LOOKUP, {"name": "t", "id": "a"}),
            ("/indexes/t/vectors/a/b//c", LOOKUP, {"name": "t", "id": "a/b//c"}),
            ("/indexes/t/vectors/line\nbreak", LOOKUP, {"name": "t", "id": "line\nbreak"}),
        ],
    )
    def test_behind_a_default_route_follows_from_method_and_path(
        self, path: str, route: str, parameters: dict[str, str]
    ) -> None:
        request = read_path("GET", path)
        assert (request.route, request.path) == (route, parameters)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("POST", "/indexes"),
            ("GET", "/indexes/t/vectors"),
            ("GET", "/indexes/"),
            ("GET", "/x/indexes"),
        ],
    )
    def test_behind_a_default_route_is_not_found_for_another_method_or_path(self, method: str, path: str) -> None:
        with pytest.raises(RouteNotFound):
            read_path(method, path)


class TestPathParameters:
    @pytest.mark.parametrize("value", ["a/b", "a+b c", "100%25", "%252F", "%2F", "ü😀"])
    def test_are_not_decoded_a_second_time(self, value: str) -> None:
        request = read(routeKey=LOOKUP, pathParameters={"name": "t", "id": value})
        assert request.path["id"] == value


class TestBody:
    def test_is_the_text_as_utf8(self) -> None:
        assert read(body='{"ü":1}').body == '{"ü":1}'.encode()

    @pytest.mark.parametrize("event", [{}, {"body": None}, {"body": ""}])
    def test_is_empty_if_it_is_absent(self, event: dict[str, Any]) -> None:
        assert read(**event).body == b""

    def test_in_base64_is_decoded(self) -> None:
        assert read(body=base64.b64encode(b"\xff{}").decode(), isBase64Encoded=True).body == b"\xff{}"

    @pytest.mark.parametrize("body", ["{}", "ab c=", "abc", "ü==="])
    def test_marked_as_base64_but_not_valid_base64_is_malformed(self, body: str) -> None:
        with pytest.raises(MalformedJson):
            read(body=body, isBase64Encoded=True)

    def test_of_the_maximum_size_is_read(self) -> None:
        assert len(read(body="x" * events.MAX_BODY).body) == events.MAX_BODY

    def test_over_the_maximum_size_is_too_large(self) -> None:
        with pytest.raises(RequestTooLarge):
            read(body="x" * (events.MAX_BODY + 1))

    def test_size_counts_bytes_and_not_characters(self) -> None:
        with pytest.raises(RequestTooLarge):
            read(body="ü" * (events.MAX_BODY // 2 + 1))

    @pytest.mark.parametrize("more", [1, 10_000_000])
    def test_size_of_base64_counts_decoded_bytes(self, more: int) -> None:
        body = base64.b64encode(bytes(events.MAX_BODY)).decode()
        assert len(read(body=body, isBase64Encoded=True).body) == events.MAX_BODY
        with pytest.raises(RequestTooLarge):
            read(body=base64.b64encode(bytes(events.MAX_BODY + more)).decode(), isBase64Encoded=True)


def test_query_and_deadline_are_passed_on() -> None:
    request = read(queryStringParameters={"limit": "1"})
    assert (request.query, request.deadline) == ({"limit": "1"}, Deadline(7.5))


@pytest.mark.parametrize(
    ("raw", "query"), [("b", {"b": ""}), ("b=%20&c=1", {"b": " ", "c": "1"}), ("", {}), (None, {})]
)
def test_a_query_that_the_gateway_did_not_parse_is_parsed(raw: str | None, query: dict[str, str]) -> None:
    assert read(rawQueryString=raw).query == query


def test_a_missing_query_is_empty() -> None:
    assert read(queryStringParameters=None).query == {}


@pytest.mark.parametrize(("identity", "queued"), [(None, False), ("", True), ("c:first", True)])
def test_the_write_of_a_queued_change_has_the_identity_of_its_index_and_a_key_that_is_kept_longer(
    identity: str | None, queued: bool
) -> None:
    request = structs.replace(read(headers={"Idempotency-Key": "k"}), identity=identity)
    write = request.write_options
    assert write.key is not None
    assert (write.identity, write.key.text, write.key.queued) == (identity, "k", queued)
