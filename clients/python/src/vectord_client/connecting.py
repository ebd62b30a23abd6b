"""Connections that were not made: what the errors of httpx2 say about them, and during which step they failed."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

import httpx2

from vectord_client import errors
from vectord_client.errors import TimedOut

CONNECT_SECONDS: Final = 10.0
_TLS_BEGINS: Final = ".start_tls.started"  # the end of an event's name; the beginning depends on proxies


class Steps:
    """Notes, as the `trace` of a request, whether a TLS handshake began: only then was the connection accepted."""

    handshake = False

    def note(self, event: str) -> None:
        self.handshake = self.handshake or event.endswith(_TLS_BEGINS)

    def __call__(self, event: str, info: dict[str, Any]) -> Any:
        self.note(event)


class AsyncSteps(Steps):
    """The same for the transport of coroutines, which awaits it."""

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        self.note(event)


def timed_out(error: httpx2.TimeoutException, url: str, timeout: float, steps: Steps | None) -> errors.TransportError:
    """Return the error for a request whose connection or answer did not come in time."""
    if isinstance(error, httpx2.ConnectTimeout) and steps is not None and steps.handshake:
        return _no_handshake(url, timeout)
    if isinstance(error, httpx2.ConnectTimeout):
        return errors.ConnectionFailed(
            f"{url} accepted no connection in {min(timeout, CONNECT_SECONDS):.3g} s: "
            "check the network, a firewall, and the URL."
        )
    if isinstance(error, httpx2.PoolTimeout):
        return errors.ConnectionFailed("All connections of the pool were in use: start fewer requests at once.")
    return TimedOut(f"{url} did not answer within {timeout:.3g} s.")


def _no_handshake(url: str, timeout: float) -> errors.ConnectionFailed:
    seconds = min(timeout, CONNECT_SECONDS)
    failed = errors.ConnectionFailed(
        f"{url} accepted the connection, but did not answer the TLS handshake in {seconds:.3g} s: "
        "check whether the URL begins with http://. A server of `vectord serve` has no TLS."
    )
    failed.lasting = True
    return failed


def not_connected(error: Exception, url: str) -> errors.ConnectionFailed:
    """Return the error for a connection that was not made, by the type of its cause."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return _not_resolved(cause, url)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return errors.CertificateInvalid(
            f"The certificate of {url} was not accepted: {error}. A wrong local clock, or a proxy that is not trusted "
            "(SSL_CERT_FILE), can be the cause."
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return errors.CertificateInvalid(
            f"{url} does not speak TLS: check whether the URL begins with http:// ({error})."
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return errors.ConnectionFailed(f"{url} refused the connection: nothing listens on its port. Check the URL.")
    return errors.ConnectionFailed(f"{url} cannot be reached: {error}. Check the URL and the network.")


def _not_resolved(error: socket.gaierror, url: str) -> errors.HostNotFound:
    found = errors.HostNotFound(f"The host of {url} does not resolve: check the URL and the network ({error}).")
    found.lasting = error.errno != socket.EAI_AGAIN
    return found


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, also the members of groups: a host may have several addresses."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
