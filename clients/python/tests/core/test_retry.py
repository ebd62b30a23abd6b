"""When a request is sent again, without network and clock."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from vectord_client import errors
from vectord_client.errors import VectordError
from vectord_client.wire.call import Call
from vectord_client.wire.request import Request, Response
from vectord_client.wire.retry import RetryPolicy, Send, Wait, steps

READ = Call(Request("GET", "/indexes/films"), lambda response: response.status)
KEYED = Call(Request("POST", "/x", headers={"idempotency-key": "k"}), lambda response: response.status, writes=True)
UNKEYED = Call(Request("POST", "/indexes"), lambda response: response.status, idempotent=False, writes=True)
DONE = Response(200, {}, b"{}")
LOST = errors.ConnectionLost("lost")
REFUSED = errors.ConnectionFailed("refused")
TIMED_OUT = errors.TimedOut("no answer")
_MOST_SENT = 50  # more than any call of these tests sends


def problem(kind: str, status: int = 503, **headers: str) -> Response:
    return Response(status, headers, msgspec.json.encode({"type": f"urn:vectord:problem:{kind}", "detail": kind}))


class Played:
    """The run of a call against outcomes, of which each takes `seconds`; the last one is repeated."""

    def __init__(
        self,
        call: Call[Any],
        outcomes: Sequence[Response | VectordError],
        *,
        timeout: float = 60.0,
        seconds: float = 0.0,
        jitter: float = 1.0,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        connected: bool = False,
        oversleep: float = 0.0,
    ) -> None:
        self.now, self.sent, self.waits = 0.0, list[Send](), list[float]()
        self.error: VectordError | None = None
        clocks: Any = {"clock": lambda: self.now, "wall": lambda: 0.0, "jitter": lambda: jitter}
        todo = steps(call, policy, timeout, connected=connected, **clocks)
        outcome: Any = None
        try:
            while True:
                step = todo.send(outcome)
                if isinstance(step, Wait):
                    self.now += step.seconds + oversleep
                    self.waits.append(step.seconds)
                    continue
                assert len(self.sent) < _MOST_SENT, "the call does not end"
                self.sent.append(step)
                self.now += seconds
                outcome = outcomes[min(len(self.sent), len(outcomes)) - 1]
        except StopIteration as end:
            self.value = end.value
        except VectordError as error:
            self.error = error


def test_sends_a_successful_request_once() -> None:
    played = Played(READ, [DONE])
    assert (played.value, len(played.sent), played.waits) == (200, 1, [])


@pytest.mark.parametrize("call", [READ, KEYED])
@pytest.mark.parametrize(
    "failure",
    [
        problem("contended"),
        problem("storage-silent"),
        problem("outcome-unknown"),
        problem("partly-applied"),
        Response(429, {}, b'{"message": "Too Many Requests"}'),
        Response(500, {}, b'{"message": "Internal Server Error"}'),
        Response(502, {}, b"<html>Bad Gateway</html>"),
        Response(503, {}, b""),
        Response(504, {}, b'{"message": "Endpoint request timed out"}'),
        LOST,
        REFUSED,
        errors.TimedOut("late"),
        errors.AnswerTruncated("cut"),
    ],
)
def test_repeats_reads_and_writes_with_a_key(call: Call[Any], failure: Response | VectordError) -> None:
    played = Played(call, [failure, failure, DONE])
    assert (played.value, len(played.sent)) == (200, 3)
    assert all(send.request is call.request for send in played.sent)


def test_repeats_keep_the_idempotency_key() -> None:
    played = Played(KEYED, [LOST, problem("outcome-unknown"), DONE])
    assert [send.request.headers["idempotency-key"] for send in played.sent] == ["k", "k", "k"]


@pytest.mark.parametrize("failure", [problem("contended"), problem("storage-silent"), Response(429, {}, b""), REFUSED])
def test_repeats_a_write_without_a_key_if_nothing_was_changed(failure: Response | VectordError) -> None:
    assert Played(UNKEYED, [failure, DONE]).value == 200


@pytest.mark.parametrize(
    "failure", [problem("outcome-unknown"), Response(502, {}, b""), LOST, errors.AnswerTruncated("cut")]
)
def test_does_not_repeat_a_write_without_a_key_that_may_be_applied(failure: Response | VectordError) -> None:
    played = Played(UNKEYED, [failure, DONE])
    assert len(played.sent) == 1
    assert played.error is not None
    assert played.error.maybe_applied
    assert "may have been applied" in str(played.error)


@pytest.mark.parametrize(
    "failure",
    [
        problem("index-not-found", 404),
        problem("batch-invalid", 422),
        problem("precondition-failed", 412),
        problem("deadline-exceeded"),
        problem("index-corrupt", 500),
        problem("storage-refused", 500),
        Response(401, {}, b""),
        Response(403, {}, b""),
        Response(404, {}, b"<html>"),
        Response(501, {}, b""),
        errors.HostNotFound("unknown"),
        errors.CertificateInvalid("expired"),
    ],
)
def test_does_not_repeat_what_fails_again(failure: Response | VectordError) -> None:
    if isinstance(failure, errors.HostNotFound):
        failure.lasting = True
    played = Played(READ, [failure])
    assert len(played.sent) == 1
    assert played.error is not None
    assert not played.error.maybe_applied


def test_waits_a_random_time_below_a_bound_that_doubles() -> None:
    policy = RetryPolicy(attempts=7, base_seconds=0.5, cap_seconds=4.0)
    assert Played(READ, [LOST], policy=policy, jitter=1.0).waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert Played(READ, [LOST], policy=policy, jitter=0.5).waits == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


def test_waits_at_least_as_long_as_retry_after_says() -> None:
    played = Played(READ, [problem("contended", **{"retry-after": "2"}), DONE], jitter=0.0)
    assert played.waits == [2.0]


def test_gives_up_at_the_number_of_attempts_and_says_it() -> None:
    played = Played(READ, [LOST], policy=RetryPolicy(attempts=3))
    assert len(played.sent) == 3
    assert "3 attempts" in str(played.error)


def test_gives_up_earlier_on_a_host_that_accepts_no_connection() -> None:
    assert len(Played(READ, [REFUSED], policy=RetryPolicy(attempts=9, connect_attempts=2)).sent) == 2


@pytest.mark.parametrize("call", [READ, KEYED, UNKEYED])
def test_tries_a_host_that_has_answered_before_until_the_deadline(call: Call[Any]) -> None:
    away = [REFUSED] * 10
    assert Played(call, [*away, DONE], connected=True).value == 200
    played = Played(call, [REFUSED], connected=True, timeout=60.0)
    assert (type(played.error), played.now > 45.0) == (errors.ConnectionFailed, True)


def test_tries_a_host_that_has_closed_a_connection_until_the_deadline() -> None:
    assert Played(READ, [LOST, *[REFUSED] * 6, DONE]).value == 200


def test_one_attempt_is_one_for_a_host_that_has_answered_before_too() -> None:
    assert len(Played(READ, [REFUSED], connected=True, policy=RetryPolicy(attempts=1)).sent) == 1


def test_does_not_begin_a_repeat_after_the_deadline() -> None:
    played = Played(READ, [LOST], timeout=10.0, seconds=4.0, jitter=0.0)
    assert [send.timeout for send in played.sent] == [10.0, 6.0, 2.0]
    assert played.now == 12.0


def test_does_not_wait_beyond_the_deadline() -> None:
    played = Played(READ, [problem("contended", **{"retry-after": "3600"})])
    assert (len(played.sent), played.waits) == (1, [])


def test_bounds_each_attempt() -> None:
    assert Played(READ, [DONE], timeout=600.0, policy=RetryPolicy(attempt_seconds=35.0)).sent[0].timeout == 35.0


def test_a_write_that_was_refused_after_a_lost_answer_was_not_applied() -> None:
    played = Played(KEYED, [LOST, problem("batch-invalid", 422)])
    assert played.error is not None
    assert not played.error.maybe_applied


def test_a_write_that_never_got_an_answer_may_be_applied() -> None:
    played = Played(KEYED, [LOST])
    assert played.error is not None
    assert played.error.maybe_applied


def test_a_write_that_was_never_sent_is_not_applied() -> None:
    played = Played(KEYED, [REFUSED])
    assert played.error is not None
    assert not played.error.maybe_applied


def test_an_attempt_that_had_too_little_time_does_not_hide_why_it_was_made() -> None:
    played = Played(KEYED, [problem("contended"), TIMED_OUT], timeout=10, seconds=5)
    assert isinstance(played.error, errors.Contended)
    assert (played.error.attempts, played.error.maybe_applied) == (2, True)


def test_an_only_attempt_that_times_out_is_reported() -> None:
    assert Played(READ, [TIMED_OUT], timeout=10, seconds=10).error is TIMED_OUT


def test_no_repeat_begins_after_the_timeout_though_the_wait_was_longer_than_wanted() -> None:
    played = Played(READ, [problem("contended")], timeout=1, oversleep=1)
    assert len(played.sent) == 1
    assert isinstance(played.error, errors.Contended)
