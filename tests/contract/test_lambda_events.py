"""Asynchronous invocations of another function over real sockets: queued, or an error."""

import pytest

from tests.support.http_server import ScriptedServer, answers, resets
from vectord.errors import FunctionThrottled, StoreError, StoreRefused, StoreUnavailable
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions


@pytest.fixture
def functions(server: ScriptedServer) -> Functions:
    return Functions(server.endpoint, "eu-central-1", Credentials("access", "secret", "token"))


def test_an_event_is_an_asynchronous_invocation(server: ScriptedServer, functions: Functions) -> None:
    server.answer = answers(202)
    functions.send("compact", b'{"index":"t"}', 2)
    assert server.requests == ["POST /2015-03-31/functions/compact/invocations"]
    assert (server.headers[0]["X-Amz-Invocation-Type"], server.bodies) == ("Event", [b'{"index":"t"}'])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, FunctionThrottled),
        (500, StoreUnavailable),
        (200, StoreUnavailable),
        (403, StoreRefused),
        (404, StoreRefused),
    ],
)
def test_an_event_that_was_not_queued_is_an_error(
    server: ScriptedServer, functions: Functions, status: int, error: type[StoreError]
) -> None:
    server.answer = answers(status)
    with pytest.raises(error):
        functions.send("compact", b"{}", 2)
    assert len(server.requests) == 1


def test_an_event_without_a_response_may_have_been_queued(server: ScriptedServer, functions: Functions) -> None:
    server.answer = resets
    with pytest.raises(StoreUnavailable):
        functions.send("compact", b"{}", 2)
