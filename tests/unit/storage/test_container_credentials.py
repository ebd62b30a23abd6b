"""Credentials of the container endpoint: how it is asked, when they are renewed, and what its failures mean."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.support.http_server import Answer, ScriptedServer, answers, in_turn, resets, scripted_server, truncates
from vectord.errors import StoreRefused, StoreUnavailable
from vectord.storage.container import ContainerCredentials
from vectord.storage.credentials import ContainerEndpoint, Credentials

START = 1_800_000_000.0  # seconds since 1970
GIVEN = {"AccessKeyId": "access", "SecretAccessKey": "secret", "Token": "session", "RoleArn": "arn:aws:iam::1:role/r"}


class Clock:
    """A clock that a test sets, as seconds after START."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return START + self.seconds


def gives(expires: float, **changed: Any) -> Answer:
    """Answer with credentials that expire some seconds after START."""
    expiration = datetime.fromtimestamp(START + expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return answers(200, json.dumps({**GIVEN, "Expiration": expiration, **changed}).encode())


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def current(server: ScriptedServer, clock: Clock) -> ContainerCredentials:
    return ContainerCredentials(ContainerEndpoint(f"{server.endpoint}/2018/credentials?role=a%20b", "token"), clock)


def test_the_endpoint_is_asked_with_the_token(server: ScriptedServer, current: ContainerCredentials) -> None:
    server.answer = gives(3_600)
    assert current() == Credentials("access", "secret", "session")
    assert server.requests == ["GET /2018/credentials?role=a%20b"]
    assert server.headers[0]["Authorization"] == "token"


def test_without_a_token_there_is_no_authorization(server: ScriptedServer, clock: Clock) -> None:
    server.answer = gives(3_600)
    ContainerCredentials(ContainerEndpoint(server.endpoint), clock)()
    assert (server.requests, server.headers[0]["Authorization"]) == (["GET /"], None)


def test_an_answer_in_chunks_is_read(server: ScriptedServer, current: ContainerCredentials) -> None:
    body = json.dumps({**GIVEN, "Expiration": "2030-01-01T00:00:00Z"}).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in (body[:10], body[10:], b""):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    server.answer = answer
    assert current().access_key == "access"


def test_they_are_kept_until_five_minutes_before_they_expire(
    server: ScriptedServer, clock: Clock, current: ContainerCredentials
) -> None:
    server.answer = in_turn(gives(3_600), gives(7_200, AccessKeyId="second"))
    for clock.seconds, key in ((0.0, "access"), (3_299.0, "access"), (3_300.0, "second"), (6_000.0, "second")):
        assert current().access_key == key
    assert len(server.requests) == 2


@pytest.mark.parametrize("failure", [answers(500), answers(403), answers(200, b"{"), resets])
def test_a_renewal_that_fails_keeps_them_until_they_expire_and_is_repeated_after_a_pause(
    server: ScriptedServer, clock: Clock, current: ContainerCredentials, failure: Answer
) -> None:
    server.answer = gives(3_600)
    current()
    server.answer = failure
    for clock.seconds in (3_400.0, 3_429.0, 3_430.0, 3_599.0):
        assert current().access_key == "access"
    assert len(server.requests) == 4
    clock.seconds = 3_600.0
    with pytest.raises((StoreRefused, StoreUnavailable)):
        current()
    server.answer = gives(7_200, AccessKeyId="second")
    assert current().access_key == "second"


def test_credentials_that_expire_soon_are_used_and_renewed_after_a_pause(
    server: ScriptedServer, clock: Clock, current: ContainerCredentials
) -> None:
    server.answer = in_turn(gives(60), gives(3_600, AccessKeyId="second"))
    assert [current().access_key, current().access_key] == ["access", "access"]
    clock.seconds = 30.0
    assert current().access_key == "second"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
def test_a_refusal_is_refused(server: ScriptedServer, current: ContainerCredentials, status: int) -> None:
    server.answer = answers(status, b'{"code": "AccessDenied", "message": "no"}')
    with pytest.raises(StoreRefused, match=str(status)):
        current()


@pytest.mark.parametrize(
    "answer",
    [
        answers(429),
        answers(500),
        answers(503),
        resets,
        truncates(b"{", 10),
        answers(200, b""),
        answers(200, b"<html>"),
        answers(200, b'{"AccessKeyId": "a'),
        answers(200, b'{"AccessKeyId": "\xff"}'),
        gives(0),
        gives(-1),
    ],
)
def test_no_usable_answer_is_unavailable(server: ScriptedServer, current: ContainerCredentials, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(StoreUnavailable):
        current()


@pytest.mark.parametrize(
    "wrong",
    [
        {"AccessKeyId": None},
        {"SecretAccessKey": 1},
        {"Token": None},
        {"Expiration": "soon"},
        {"Expiration": "2030-01-01T00:00:00"},
    ],
)
def test_an_answer_with_other_members_is_refused(
    server: ScriptedServer, current: ContainerCredentials, wrong: dict[str, Any]
) -> None:
    server.answer = gives(3_600, **wrong)
    with pytest.raises(StoreRefused):
        current()


@pytest.mark.parametrize(
    "endpoint",
    [
        ContainerEndpoint("http://127.0.0.1:99999/"),
        ContainerEndpoint("http://127.0.0.1:1/a b"),
        ContainerEndpoint("http://127.0.0.1:1/", "to\r\nken"),
        ContainerEndpoint("http://127.0.0.1:1/", "漢"),
    ],
)
def test_an_impossible_url_or_token_is_refused(endpoint: ContainerEndpoint, clock: Clock) -> None:
    with pytest.raises(StoreRefused):
        ContainerCredentials(endpoint, clock)()


def test_no_endpoint_is_unavailable(clock: Clock) -> None:
    with scripted_server() as gone:
        url = gone.endpoint
    with pytest.raises(StoreUnavailable):
        ContainerCredentials(ContainerEndpoint(url), clock)()


def test_secrets_are_not_shown() -> None:
    assert "token" not in repr(ContainerEndpoint("http://127.0.0.1/", "token"))
