"""Checks of a service at a URL: connection, certificate, clock, and that it is vectord."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from vectord_client import errors
from vectord_client.auth import Open
from vectord_client.cli.doctor.finding import Finding, fail, failed, ok, warn
from vectord_client.http import HttpTransport
from vectord_client.wire.answers import unexpected
from vectord_client.wire.failures import error_of
from vectord_client.wire.request import Request, Response, Transport

_SECONDS: Final = 10.0
_API: Final = "1"  # the version of the API that this client speaks, as its OpenAPI document states it
_SKEW_FAILS, _SKEW_WARNS = 300.0, 60.0  # seconds; AWS refuses signatures that are five minutes old
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def probe(url: str) -> tuple[Response | None, list[Finding]]:
    """Send one request without credentials; return its response, if there is one, and what it shows."""
    transport = HttpTransport(url, Open())
    started = datetime.now(UTC)
    try:
        response = transport.send(Request("GET", "/openapi.json"), _SECONDS)
    except errors.CertificateInvalid as error:
        return None, [
            fail("TLS", error.detail, "use the host of the certificate; for a private authority set SSL_CERT_FILE")
        ]
    except errors.TransportError as error:
        return None, [
            fail("connection", error.detail, "check the URL, the network, a proxy (HTTPS_PROXY) and firewalls")
        ]
    finally:
        transport.close()
    took = (datetime.now(UTC) - started).total_seconds()
    return response, [ok("connection", f"an answer in {took * 1000:,.0f} ms"), _tls(url), *_clock(response, started)]


def identity(response: Response, transport: Transport) -> Finding:
    """Return whether the service is vectord: by the answer without credentials, else by one with them."""
    if response.status in (401, 403):
        try:
            response = transport.send(Request("GET", "/openapi.json"), _SECONDS)
        except errors.VectordError as error:
            return failed("service", error)
    if response.status in (401, 403):
        refused = failed("service", error_of(response, time.time()))
        return warn("service", f"its version is unknown. {refused.detail}", refused.fix)
    if response.status >= 300:
        return failed("service", error_of(response, time.time()))
    document = _document(response)
    if document is None:
        return failed("service", unexpected(response, "not the OpenAPI document of vectord"))
    version = str(document.get("version"))
    if version != _API:
        return warn(
            "service", f"vectord, API version {version}; this client speaks version {_API}", "upgrade vectord-client"
        )
    return ok("service", f"vectord, API version {version}")


def _document(response: Response) -> Mapping[str, Any] | None:
    """Return the `info` of vectord's OpenAPI document, or None if the response is another one."""
    try:
        document = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return None
    info = document.get("info") if isinstance(document, dict) else None
    return info if isinstance(info, dict) and info.get("title") == "vectord" else None


def _tls(url: str) -> Finding:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return ok("TLS", "the certificate is valid")
    if parts.hostname in _LOOPBACK:
        return ok("TLS", "none, on this machine")
    return warn("TLS", "none: vectors, metadata and tokens travel in clear text", "use https://")


def _clock(response: Response, now: datetime) -> Iterator[Finding]:
    """Compare the local clock with the header Date, which servers write in whole seconds."""
    stated = response.headers.get("date")
    if stated is None:
        return
    try:
        theirs = parsedate_to_datetime(stated)
    except ValueError:
        return
    skew = (now - theirs.astimezone(UTC)).total_seconds()
    detail = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the service"
    fix = "synchronize this machine's clock (timedatectl set-ntp true): AWS refuses signatures that are 5 minutes off"
    if abs(skew) >= _SKEW_FAILS:
        yield fail("clock", detail, fix)
    elif abs(skew) >= _SKEW_WARNS:
        yield warn("clock", detail, fix)
    else:
        yield ok("clock", "agrees with the service")
