"""Findings of checks, and how to fix what errors of the client say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from vectord_client import errors, gateway_errors
from vectord_client.cli.advice import advice_for

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was found, and how to fix it if it is not ok."""

    check: str
    status: Status
    detail: str
    fix: str = ""


def ok(check: str, detail: str) -> Finding:
    """Return the finding of a check that passed."""
    return Finding(check, "ok", detail)


def warn(check: str, detail: str, fix: str) -> Finding:
    """Return the finding of something that works now, but may not work later or elsewhere."""
    return Finding(check, "warn", detail, fix)


def fail(check: str, detail: str, fix: str) -> Finding:
    """Return the finding of something that does not work."""
    return Finding(check, "fail", detail, fix)


# In place of advice that names `vectord doctor`. The first class that an error belongs to decides.
_FIXES: Final[Mapping[type[errors.VectordError], str]] = {
    errors.AccessDenied: "ask for a token with this right (docs/access.md)",
    gateway_errors.ClockSkewed: "set this machine's clock (timedatectl set-ntp true)",
    gateway_errors.AccessRefused: (
        "check the credentials (aws sts get-caller-identity, or a new token in VECTORD_TOKEN), the region, and the "
        "policy (docs/access.md)"
    ),
    gateway_errors.NotVectord: "use the URL that the deployment printed, without a path behind it",
    gateway_errors.AnswerInvalid: "use the URL that the deployment printed, without a path behind it",
    errors.RouteNotFound: "use the URL that the deployment printed, without a path behind it",
    gateway_errors.GatewayThrottled: "wait, or raise ThrottleRate of the deployment",
    errors.Throttled: "wait, or raise the concurrency of the functions (docs/operations.md)",
    gateway_errors.GatewayFailed: "repeat the check later; see the log of the function, and that of a proxy before it",
    errors.TransportError: "check the URL, the network, a proxy (HTTPS_PROXY) and firewalls",
}
_OTHERS: Final = "see docs/errors.md, and the log of the function"


def failed(check: str, error: errors.VectordError) -> Finding:
    """Return the finding of a check that ended with an error: as much as a command that meets the error says."""
    detail = " ".join([error.detail or error.title, *error.circumstances])
    return fail(check, detail, fix_for(error))


def fix_for(error: errors.VectordError) -> str:
    """Return how to fix an error."""
    found = next((text for kind, text in _FIXES.items() if isinstance(error, kind)), None)
    return found or advice_for(error) or _OTHERS
