"""What the caller may do, found by requests that change nothing.

The service checks the right before anything else. So an answer that the index does not exist, or that the request is
not valid, shows that the caller has the right.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from vectord_client import errors
from vectord_client.cli.doctor.finding import Finding, fail, ok, warn
from vectord_client.wire.encode import index_path
from vectord_client.wire.request import Request, Response, Transport

_SECONDS: Final = 30.0
_JSON: Final = {"content-type": "application/json"}
_POLICIES: Final = "ask for a token with this right (docs/access.md)"
_CREDENTIALS: Final = (
    "API Gateway refused the request: check the credentials (aws sts get-caller-identity, or a new token), the region, "
    "and the policy (docs/access.md)"
)


def rights(transport: Transport, index: str | None = None) -> Iterator[Finding]:
    """Yield one finding for each right on an index: to read, write and administer it, and to list all of them.

    Without `index`, the requests name one that does not exist, on which only rights on all indexes hold.
    """
    index = index_path(index or f"vectord-doctor-{secrets.token_hex(8)}")
    yield _finding("list", transport, Request("GET", "/indexes", (("limit", "1"),)))
    yield _finding("read", transport, Request("GET", index))
    body = msgspec.json.encode({"ids": ["none"], "dry_run": True})
    yield _finding("write", transport, Request("POST", f"{index}/vectors/delete", headers=_JSON, body=body))
    # No dimension: a request that can create nothing.
    yield _finding("admin", transport, Request("PUT", index, headers=_JSON, body=b"{}"))


def _finding(right: str, transport: Transport, request: Request) -> Finding:
    check = f"right to {right}" if right != "admin" else "right to administer"
    try:
        response = transport.send(request, _SECONDS)
    except errors.VectordError as error:
        return fail(check, error.detail, "see the findings above")
    if response.status in (401, 403):
        problem = _problem(response)
        denied, fix = f"denied: {_reason(response)}", _POLICIES if "type" in problem else _CREDENTIALS
        if right in ("list", "read"):
            return fail(check, denied, fix)
        return warn(check, denied, f"only if you need it: {fix}")
    if response.status in (200, 404, 422):
        return ok(check, "allowed")
    return fail(
        check, f"status {response.status}: {_reason(response)}", "see docs/errors.md, and the log of the function"
    )


def _reason(response: Response) -> str:
    problem = _problem(response)
    return str(problem.get("detail") or problem.get("message") or f"status {response.status}")


def _problem(response: Response) -> Mapping[str, Any]:
    """Return the JSON object of an answer; an answer of API Gateway has no `type`."""
    try:
        problem = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}
