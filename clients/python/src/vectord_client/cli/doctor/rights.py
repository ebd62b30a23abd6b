"""What the caller may do, found by requests that change nothing.

The service checks the right before anything else. So an answer that the index does not exist, or that the request is
not valid, shows that the caller has the right.
"""

import secrets
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from vectord_client.cli.doctor.finding import Finding, failed, ok, warn
from vectord_client.errors import AccessDenied, IndexNotFound, RequestInvalid, VectordError
from vectord_client.gateway_errors import AccessRefused
from vectord_client.wire.encode import index_path
from vectord_client.wire.failures import error_of
from vectord_client.wire.request import Request, Transport

_SECONDS: Final = 30.0
_JSON: Final = {"content-type": "application/json"}


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
    yield _finding("administer", transport, Request("PUT", index, headers=_JSON, body=b"{}"))


def _finding(right: str, transport: Transport, request: Request) -> Finding:
    check = f"right to {right}"
    error = _error(transport, request)
    if error is None or isinstance(error, IndexNotFound | RequestInvalid):
        return ok(check, "allowed")
    finding = failed(check, error)
    if not isinstance(error, AccessDenied | AccessRefused):
        return finding
    if right in ("list", "read"):
        return finding
    return warn(check, finding.detail, f"only if you need it: {finding.fix}")


def _error(transport: Transport, request: Request) -> VectordError | None:
    """Return the error of a request, or None after a successful answer."""
    try:
        response = transport.send(request, _SECONDS)
    except VectordError as error:
        return error
    return None if response.status < 300 else error_of(response, time.time())
