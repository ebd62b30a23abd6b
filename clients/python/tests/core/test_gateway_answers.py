"""Answers of API Gateway and of proxies: 502 with HTML, throttling, expired tokens, refused policies, wrong clocks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.core.asking import INFO, Ask, failure_of
from tests.support.raw_server import answer, raw_server

from vectord_client import RetryPolicy, VectordError, errors
from vectord_client.gateway_errors import (
    AccessRefused,
    ClockSkewed,
    GatewayFailed,
    GatewayThrottled,
    RequestRefused,
)


def test_a_502_with_html(ask: Ask) -> None:
    error = failure_of(ask, GatewayFailed, answer(502, b"<html>\n<h1>502 Bad Gateway</h1></html>"))
    assert (error.status, error.type) == (502, None)
    assert "502 Bad Gateway" in str(error)


def test_a_502_is_requested_again(ask: Ask) -> None:
    with raw_server(answer(502, b"<html>502</html>"), answer(200, INFO)) as server:
        assert ask(server.url, retries=RetryPolicy(base_seconds=0.001)).count == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (413, errors.RequestTooLarge),
        (431, RequestRefused),
        (429, GatewayThrottled),
    ],
)
def test_other_answers_of_the_gateway(ask: Ask, status: int, kind: type[VectordError]) -> None:
    error = failure_of(ask, kind, answer(status, {"message": "what the gateway says"}, {"apigw-requestid": "abc="}))
    assert (error.status, error.type, error.request_id) == (status, None, "abc=")
    assert "what the gateway says" in str(error)


@pytest.mark.parametrize(("seconds", "words"), [("86400", "24 hours"), ("90", "90 s"), ("600", "10 minutes")])
def test_a_wait_that_is_longer_than_the_timeout_is_named(ask: Ask, seconds: str, words: str) -> None:
    script = answer(429, {"message": "Too Many Requests"}, {"retry-after": seconds})
    with raw_server(script) as server, pytest.raises(GatewayThrottled, match=f"It asks to wait {words}"):
        ask(server.url, retries=RetryPolicy())
    assert len(server.requests) == 1


def test_an_expired_token(ask: Ask) -> None:
    why = 'Bearer scope="" error="invalid_token" error_description="the token has expired"'
    error = failure_of(ask, AccessRefused, answer(401, {"message": "Unauthorized"}, {"www-authenticate": why}))
    assert "the token has expired" in str(error)
    assert "a callable" in str(error)


def test_a_policy_that_does_not_allow_it(ask: Ask) -> None:
    error = failure_of(ask, AccessRefused, answer(403, {"message": "Forbidden"}))
    assert error.status == 403
    assert "policy" in str(error)


@pytest.mark.parametrize(
    ("minutes", "words"), [(-17, "17 minutes ahead of"), (9, "9 minutes behind"), (180, "3 hours behind")]
)
def test_a_clock_that_is_wrong(ask: Ask, minutes: int, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    said = {"message": "Signature expired: 20261128T100000Z is now earlier than 20261128T101200Z"}
    error = failure_of(ask, ClockSkewed, answer(403, said, {"date": date}))
    assert isinstance(error, ClockSkewed)
    assert error.seconds == pytest.approx(-60 * minutes, abs=30)
    assert words in str(error)
    assert "Signature expired" in str(error)


def test_a_clock_that_is_right_is_not_the_cause(ask: Ask) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=3), usegmt=True)
    failure_of(ask, AccessRefused, answer(403, {"message": "Forbidden"}, {"date": date}))
