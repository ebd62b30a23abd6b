"""When a request is sent again. The loop is a generator: the shells send and sleep."""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from vectord_client import errors, gateway_errors
from vectord_client.errors import AnswerTruncated, Problem, TransportError, VectordError
from vectord_client.wire.call import Call
from vectord_client.wire.failures import error_of
from vectord_client.wire.request import Request, Response

T = TypeVar("T")


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a request is sent, and how long the client waits before it sends it again.

    The wait before repeat n is a random time up to `base_seconds` · 2ⁿ, at most `cap_seconds` (full jitter), added to
    what Retry-After asks for. `connect_attempts` is for a host that has accepted no connection yet; one that did before
    is tried until the timeout of the call, unless `attempts` is 1. `attempt_seconds` bounds each attempt: API Gateway
    ends a request after 30 s. No repeat begins after the timeout of the call.
    """

    attempts: int = 8
    connect_attempts: int = 4
    base_seconds: float = 0.1
    cap_seconds: float = 8.0
    attempt_seconds: float = 35.0

    def wait(self, repeat: int, jitter: float) -> float:
        """Return the seconds before repeat number `repeat`, counted from 0; `jitter` is a random number in [0, 1)."""
        return jitter * min(self.cap_seconds, self.base_seconds * 2.0 ** min(repeat, 32))


class Send(msgspec.Struct, frozen=True):
    """Send the request; answer with the response or the transport error."""

    request: Request
    timeout: float


class Wait(msgspec.Struct, frozen=True):
    """Sleep; the answer is not used."""

    seconds: float


Steps: TypeAlias = Generator[Send | Wait, Any, T]

# The types of problems after which nothing was changed, and a repeat may succeed.
_UNCHANGED: Final = (errors.Contended, errors.StorageSilent, errors.Throttled)
# After these it is unknown what was changed. The idempotency key makes a repeat safe.
_UNKNOWN: Final = (errors.OutcomeUnknown, errors.PartlyApplied, gateway_errors.GatewayFailed, errors.TransportError)
_NEVER: Final = (501, 505)  # statuses that a repeat does not change


def steps(
    call: Call[T],
    policy: RetryPolicy,
    timeout: float,
    *,
    connected: bool = False,
    clock: Callable[[], float],
    wall: Callable[[], float],
    jitter: Callable[[], float],
) -> "Steps[T]":
    """Yield what to do next until the call has its value, and return the value.

    `connected`: the host has answered before. `clock` is monotonic, `wall` is the time since 1970, `jitter` returns
    random numbers in [0, 1).

    Raises:
        VectordError: The request failed, and a repeat is not safe, not promising or not in time.
    """
    end = clock() + timeout
    attempt, doubtful, before = 0, False, None
    while True:
        attempt += 1
        remaining = max(end - clock(), 0.001)
        outcome = yield Send(call.request, min(remaining, policy.attempt_seconds))
        error = _error_in(outcome, wall)
        if error is None:
            try:
                return call.read(outcome)
            except AnswerTruncated as damaged:
                error = damaged
        connected = connected or not isinstance(error, TransportError) or error.sent
        doubtful = doubtful or _is_doubtful(error)
        maybe_applied = call.writes and doubtful and not _is_settled(error, call)
        if before is not None and isinstance(error, errors.TimedOut) and remaining < policy.attempt_seconds:
            error = before  # it says why there was a repeat, for which too little time was left
        error.attempts, error.maybe_applied = attempt, maybe_applied
        if not _is_repeatable(error, call, attempt, policy, connected=connected):
            raise error
        seconds = policy.wait(attempt - 1, jitter()) + (error.retry_after or 0.0)
        if clock() + seconds >= end:
            raise error
        yield Wait(seconds)
        if clock() >= end:
            raise error
        before = error


def _error_in(outcome: Response | TransportError, wall: Callable[[], float]) -> VectordError | None:
    if isinstance(outcome, TransportError):
        return outcome
    return None if 200 <= outcome.status < 300 else error_of(outcome, wall())


def _is_doubtful(error: VectordError) -> bool:
    """Return True if the request may have been executed."""
    if isinstance(error, TransportError):
        return error.sent
    return isinstance(error, _UNKNOWN)


def _is_settled(error: VectordError, call: Call[Any]) -> bool:
    """Return True if an error says that no attempt of the call changed anything.

    If one had, the service would have found its idempotency key and sent the answer of that attempt.
    """
    is_of_vectord = isinstance(error, Problem) and not isinstance(error, gateway_errors.GatewayError)
    return call.idempotent and is_of_vectord and not isinstance(error, _UNKNOWN)


def _is_repeatable(error: VectordError, call: Call[Any], attempt: int, policy: RetryPolicy, *, connected: bool) -> bool:
    if isinstance(error, TransportError) and not error.sent:
        if error.lasting or policy.attempts == 1:
            return False
        return connected or attempt < min(policy.attempts, policy.connect_attempts)
    if attempt >= policy.attempts or (error.status in _NEVER and error.type is None):
        return False
    if isinstance(error, _UNCHANGED):
        return True
    return isinstance(error, _UNKNOWN) and call.idempotent
