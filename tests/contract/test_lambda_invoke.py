"""Synchronous invocations of another function over real sockets, and the meaning of the responses."""

from time import monotonic

import pytest

from tests.support.http_server import ScriptedServer, answers, hangs, resets
from tools.functions.limited import LimitedFunctions, served
from vectord.errors import FunctionBusy, FunctionThrottled, StoreRefused, StoreUnavailable
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions

CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "token")


@pytest.fixture
def functions(server: ScriptedServer) -> Functions:
    return Functions(server.endpoint, "eu-central-1", CREDENTIALS)


def test_a_call_is_a_synchronous_invocation_by_alias(server: ScriptedServer, functions: Functions) -> None:
    server.answer = answers(200, b'"done"')
    assert functions.call("search:$LATEST", b"{}", 5) == b'"done"'
    assert server.requests == ["POST /2015-03-31/functions/search%3A%24LATEST/invocations"]
    assert server.headers[0]["X-Amz-Invocation-Type"] == "RequestResponse"


def test_the_request_is_signed_for_lambda(server: ScriptedServer, functions: Functions) -> None:
    functions.call("search:live", b'{"a": 1}', 5)
    sent = server.headers[0]
    assert sent["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    assert "/eu-central-1/lambda/aws4_request" in sent["Authorization"]
    assert (sent["X-Amz-Security-Token"], server.bodies) == ("token", [b'{"a": 1}'])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, FunctionThrottled),
        (500, StoreUnavailable),
        (502, StoreUnavailable),
        (503, StoreUnavailable),
        (403, StoreRefused),
        (404, StoreRefused),
        (413, StoreRefused),
        (202, StoreUnavailable),
    ],
)
def test_a_response_is_classified_by_its_status(
    server: ScriptedServer, functions: Functions, status: int, error: type[Exception]
) -> None:
    server.answer = answers(status, b'{"Message": "200"}')
    with pytest.raises(error):
        functions.call("f", b"{}", 5)
    assert len(server.requests) == 1


def test_a_function_that_failed_counts_as_no_response(server: ScriptedServer, functions: Functions) -> None:
    server.answer = answers(200, b'{"errorMessage": "out of memory"}', **{"X-Amz-Function-Error": "Unhandled"})
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 5)


def test_a_refusal_names_the_type_of_the_error(server: ScriptedServer, functions: Functions) -> None:
    server.answer = answers(403, b"{}", **{"x-amzn-ErrorType": "AccessDeniedException"})
    with pytest.raises(StoreRefused, match="AccessDeniedException"):
        functions.call("f", b"{}", 5)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ThrottlingException"), (502, "EC2ThrottledException"), (429, "AnyOtherCode")]
)
def test_a_throttled_function_did_not_run(server: ScriptedServer, functions: Functions, status: int, code: str) -> None:
    server.answer = answers(status, b"{}", **{"x-amzn-ErrorType": code})
    with pytest.raises(FunctionThrottled, match=code):
        functions.call("f", b"{}", 5)


def test_a_function_beyond_the_limit_is_throttled() -> None:
    with served(LimitedFunctions(1, {"f": lambda: lambda event, _: event})) as endpoint:
        assert Functions(endpoint, "eu-central-1", CREDENTIALS).call("f", b'{"a": 1}', 5) == b'{"a": 1}'
    nothing_runs = served(LimitedFunctions(0, {"f": lambda: lambda event, _: event}))
    with nothing_runs as endpoint, pytest.raises(FunctionThrottled, match="TooManyRequestsException"):
        Functions(endpoint, "eu-central-1", CREDENTIALS).call("f", b"{}", 5)


def test_a_broken_connection_leaves_the_outcome_unknown(server: ScriptedServer, functions: Functions) -> None:
    server.answer = resets
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 5)


def test_a_call_waits_as_long_as_its_timeout(server: ScriptedServer, functions: Functions) -> None:
    server.answer = hangs(server)
    started = monotonic()
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 0.2)
    assert monotonic() - started < 3


def test_without_a_connection_nothing_ran() -> None:
    with pytest.raises(FunctionBusy):
        Functions("http://127.0.0.1:9", "eu-central-1", CREDENTIALS).call("f", b"{}", 5)
