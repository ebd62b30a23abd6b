"""Asynchronous invocations of another function over real sockets: queued, or an error."""

from collections.abc import Iterator

import pytest

from tests.support.http_server import ScriptedServer, answers, resets, scripted_server
from vectord.errors import FunctionBusy, StoreError, StoreRefused, StoreUnavailable
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions


@pytest.fixture
def lambdas() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def functions(lambdas: ScriptedServer) -> Functions:
    return Functions(lambdas.endpoint, "eu-central-1", Credentials("access", "secret", "token"))


def test_an_event_is_an_asynchronous_invocation(lambdas: ScriptedServer, functions: Functions) -> None:
    lambdas.answer = answers(202)
    functions.send("compact", b'{"index":"t"}', 2)
    assert lambdas.requests == ["POST /2015-03-31/functions/compact/invocations"]
    assert (lambdas.headers[0]["X-Amz-Invocation-Type"], lambdas.bodies) == ("Event", [b'{"index":"t"}'])


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, FunctionBusy), (500, StoreUnavailable), (200, StoreUnavailable), (403, StoreRefused), (404, StoreRefused)],
)
def test_an_event_that_was_not_queued_is_an_error(
    lambdas: ScriptedServer, functions: Functions, status: int, error: type[StoreError]
) -> None:
    lambdas.answer = answers(status)
    with pytest.raises(error):
        functions.send("compact", b"{}", 2)
    assert len(lambdas.requests) == 1


def test_an_event_without_a_response_may_have_been_queued(lambdas: ScriptedServer, functions: Functions) -> None:
    lambdas.answer = resets
    with pytest.raises(StoreUnavailable):
        functions.send("compact", b"{}", 2)
