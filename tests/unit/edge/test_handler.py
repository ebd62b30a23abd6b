"""A handler answers every request with a response and writes one log line."""

import json
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from tests.support import services
from tests.support.logs import log_line, log_lines
from tests.support.services import Clock
from vectord.edge import handler
from vectord.edge.handler import Response
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.errors import (
    BlobCorrupt,
    IndexNotFound,
    OutcomeUnknown,
    StorageSilent,
    StoreRefused,
    VectordError,
)
from vectord.service.service import Service

EVENT = {"routeKey": "GET /x", "pathParameters": {"name": "t"}}
LAMBDA_LIMIT = 6 * 1024 * 1024  # bytes of a synchronous answer


def function_of(
    run: Callable[[Request, Service], Reply], compose: Callable[[], Service] = services.a_service
) -> handler.Handler:
    """Return the handler of a function with one route."""
    return handler.handler({"GET /x": Route(run, None)}, compose, lambda: None)


def respond(reply: Reply | VectordError, context: object = None) -> Response:
    def route(_: Request, __: Service) -> Reply:
        if isinstance(reply, VectordError):
            raise reply
        return reply

    return function_of(route)(EVENT, context)


def test_a_body_is_sent_as_json_with_its_status_and_headers() -> None:
    assert respond(Reply({"ü": [1, None]}, 201, {"ETag": '"e"'})) == {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json", "ETag": '"e"'},
        "body": '{"ü":[1,null]}',
        "isBase64Encoded": False,
    }


def test_an_answer_without_a_body_has_no_content_type() -> None:
    response = respond(Reply(status=204))
    assert (response["statusCode"], response["body"], response["headers"]) == (204, "", {})


def test_an_error_is_answered_as_a_problem() -> None:
    response = respond(IndexNotFound("t"))
    assert (response["statusCode"], response["headers"]) == (404, {"Content-Type": "application/problem+json"})
    assert json.loads(response["body"]) == {
        "type": "urn:vectord:problem:index-not-found",
        "title": "No such index",
        "status": 404,
        "detail": "There is no index 't'. Create it with POST /indexes.",
    }


@pytest.mark.parametrize("error", [StorageSilent(), OutcomeUnknown("t")], ids=lambda error: type(error).__name__)
def test_an_answer_503_says_when_to_retry(error: VectordError) -> None:
    response = respond(error)
    assert response["statusCode"] == 503
    assert int(response["headers"]["Retry-After"]) >= 1


def test_an_unexpected_exception_is_left_to_lambda() -> None:
    def broken(_: Request, __: Service) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        function_of(broken)(EVENT, None)


@pytest.mark.parametrize("text", ['"', "x", "😀", "\x01"])  # escaped to 2, 1, 4 and 6 bytes
@pytest.mark.slow
def test_the_largest_answer_that_is_sent_is_within_the_limit_of_lambda(text: str) -> None:
    width = len(json.dumps(text, ensure_ascii=False).encode()) - 2
    low, high = LAMBDA_LIMIT // 8 // width, LAMBDA_LIMIT // width
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if respond(Reply(text * middle))["statusCode"] == 200 else (low, middle)
    sent = len(json.dumps(respond(Reply(text * low)), ensure_ascii=False).encode())
    assert 0.99 * LAMBDA_LIMIT < sent <= LAMBDA_LIMIT


def test_a_problem_about_a_large_answer_says_what_to_leave_out() -> None:
    response = respond(Reply("x" * LAMBDA_LIMIT))
    problem = json.loads(response["body"])
    assert (problem["status"], problem["type"]) == (413, "urn:vectord:problem:answer-too-large")
    assert all(word in problem["detail"] for word in ("k", "'vector'", "'metadata'"))


def deadline(context: object, start: float = 100.0) -> float:
    clock, seen = Clock(), []
    clock.now = start

    def route(request: Request, _: Service) -> Reply:
        seen.append(request.deadline.at)
        return Reply()

    function_of(route, lambda: services.a_service(clock=clock))(EVENT, context)
    return seen[0]


def lambda_with(milliseconds: int) -> object:
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds, aws_request_id="r")


def test_the_deadline_leaves_time_for_a_last_request_to_storage() -> None:
    assert 100 + 15 < deadline(lambda_with(29_000)) < 100 + 29 - 6  # a request to storage may take 6 s


def test_a_function_with_hardly_any_time_left_has_a_deadline_in_the_future() -> None:
    assert deadline(lambda_with(10)) > 100


def test_without_a_context_the_deadline_is_before_the_timeout_of_the_gateway() -> None:
    assert 100 < deadline(None) < 100 + 30


def test_the_service_is_composed_once_at_the_first_request() -> None:
    composed: list[Service] = []

    def compose() -> Service:
        composed.append(services.a_service())
        return composed[-1]

    function = function_of(lambda _, __: Reply(), compose)
    assert composed == []
    function(EVENT, None)
    function(EVENT, None)
    assert len(composed) == 1


def test_a_request_is_one_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    respond(Reply({"metadata": "private"}), lambda_with(1_000))
    line = log_line(capsys)
    assert line.pop("Latency") >= 0
    assert line.pop("cold_start") in {True, False}
    assert line == {"level": "info", "request": "r", "route": "GET /x", "index": "t", "status": 200}


def test_the_line_carries_the_request_id_of_the_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    function = function_of(lambda _, __: Reply())
    function({**EVENT, "requestContext": {"requestId": "gateway-1"}}, None)
    assert log_line(capsys)["correlation_id"] == "gateway-1"


def test_the_line_carries_what_the_request_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def route(_: Request, service: Service) -> Reply:
        service.environment.meter.add("Commits")
        service.environment.meter.add("Commits")
        return Reply()

    function_of(route)(EVENT, SimpleNamespace(function_name="search"))
    line = log_line(capsys)
    [declared] = line["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in declared["Metrics"]] == ["Latency", "Commits"]
    assert line["Commits"] == 2


def test_the_counts_of_a_request_that_raised_are_not_in_the_line_of_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = services.a_service()

    def broken(_: Request, service: Service) -> Reply:
        service.environment.meter.add("Commits")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        function_of(broken, lambda: service)(EVENT, None)
    function_of(lambda _, __: Reply(), lambda: service)(EVENT, None)
    assert "Commits" not in log_line(capsys)


def test_the_counts_of_one_request_are_not_in_the_line_of_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    service = services.a_service()
    function = function_of(lambda _, __: Reply(), lambda: service)
    service.environment.meter.add("Commits")
    function(EVENT, None)
    function(EVENT, None)
    assert ["Commits" in line for line in log_lines(capsys)] == [True, False]


@pytest.mark.parametrize(
    ("reply", "failures"),
    [
        (Reply(), None),
        (IndexNotFound("t"), None),
        (StorageSilent(), 1),
        (StoreRefused("AccessDenied"), 1),
        (BlobCorrupt("t", "crc32"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_of_5xx_counts_as_a_failure(
    reply: Reply | VectordError, failures: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    respond(reply, SimpleNamespace(function_name="search"))
    line = log_lines(capsys)[-1]
    declared = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert (line.get("Failures"), "Failures" in declared) == (failures, failures is not None)


def test_an_error_of_the_service_is_logged_with_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    respond(StoreRefused("AccessDenied"), lambda_with(1_000))
    error, _ = log_lines(capsys)
    assert error.pop("cold_start") in {True, False}
    assert error == {"level": "error", "request": "r", "error": "StoreRefused", "message": "AccessDenied"}


def test_an_error_of_the_caller_is_not_logged_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    respond(IndexNotFound("t"))
    assert log_line(capsys)["level"] == "info"


def test_stored_json_text_is_copied_unchanged() -> None:
    assert respond(Reply({"metadata": msgspec.Raw(b'{"x": 1.50}')}))["body"] == '{"metadata":{"x": 1.50}}'
