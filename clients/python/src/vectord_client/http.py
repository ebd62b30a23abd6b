"""HTTP transports over connection pools, with httpx2."""

import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from vectord_client import errors, gateway_errors
from vectord_client.auth import Authorizer, Token
from vectord_client.connecting import CONNECT_SECONDS, AsyncSteps, Steps, not_connected, timed_out
from vectord_client.errors import AnswerTruncated, ArgumentInvalid, TargetInvalid, TimedOut
from vectord_client.wire.request import Request, Response

_MOST_BYTES: Final = 64 << 20  # an answer of the API has at most 32 MB
_TOO_LARGE: Final = "The answer has more than 64 MB, so it does not come from a vectord API."


def base_url(target: str) -> str:
    """Return a URL without a slash at its end.

    Raises:
        TargetInvalid: It is not a URL of an API.
    """
    try:
        url = httpx2.URL(target)
    except httpx2.InvalidURL as error:
        raise TargetInvalid(f"{target!r} is not a URL: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise TargetInvalid(f"{target!r} is not a URL such as https://ID.execute-api.REGION.amazonaws.com.")
    if url.userinfo:
        raise TargetInvalid("The URL contains a user or a password: give credentials by `auth`.")
    if url.query or url.fragment:
        raise TargetInvalid(f"{target!r} has a query or a fragment: the URL of an API ends with its host or its path.")
    return str(url).rstrip("/")


class _Pool:
    """What both transports share: the URL, the headers, and how a response is put together."""

    _steps: type[Steps] = Steps

    def __init__(self, url: str, authorizer: Authorizer, agent: str) -> None:
        self.url, self._authorizer = base_url(url), authorizer
        self._headers = {"accept-encoding": "gzip", "user-agent": agent}

    def _target(self, request: Request) -> str:
        query = f"?{urlencode(request.query, quote_via=quote, safe='')}" if request.query else ""
        return self.url + request.path + query

    def _built(self, request: Request, url: str, added: Mapping[str, str], timeout: float) -> httpx2.Request:
        limits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)).as_dict()
        headers = {**self._headers, **request.headers, **added}
        extensions = {"timeout": limits, **({"trace": self._steps()} if url.startswith("https") else {})}
        return httpx2.Request(
            request.method, _parsed(url), headers=headers, content=request.body, extensions=extensions
        )

    def _signed(self, request: Request, url: str) -> Mapping[str, str]:
        return self._authorizer.headers(request.method, url, request.headers, request.body)

    def _renewable(self, response: Response, used: str | None) -> bool:
        """Return True if the service refused a token that a callable can renew."""
        return response.status == 401 and isinstance(self._authorizer, Token) and self._authorizer.discard(used)

    @property
    def _token(self) -> str | None:
        return self._authorizer.current if isinstance(self._authorizer, Token) else None

    @contextmanager
    def _translated(self, timeout: float, request: httpx2.Request) -> Iterator[None]:
        """Raise errors of httpx2 as those of this package."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise timed_out(error, self.url, timeout, request.extensions.get("trace")) from error
        except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
            raise not_connected(error, self.url) from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise errors.ConnectionLost(
                f"{self.url} closed the connection before its answer was complete, or does not speak HTTP: {error}."
            ) from error
        except httpx2.InvalidURL as error:
            raise ArgumentInvalid(f"The request has no valid URL: {error}.") from error


class HttpTransport(_Pool):
    """Sends requests over a pool of connections. Several threads may use it at once."""

    def __init__(self, url: str, authorizer: Authorizer, agent: str = "vectord-client", connections: int = 100) -> None:
        super().__init__(url, authorizer, agent)
        self._client = httpx2.Client(follow_redirects=False, limits=_limits(connections))

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request; one more attempt follows if a token was refused and can be renewed."""
        end = time.monotonic() + timeout
        self._fetch_token()
        used = self._token
        response = self._exchange(request, end)
        if not self._renewable(response, used):
            return response
        self._fetch_token()
        return self._exchange(request, end)

    def _fetch_token(self) -> None:
        token = self._authorizer
        if isinstance(token, Token) and token.source is not None:
            with token.lock:
                if token.missing:
                    token.store(token.source())

    def _exchange(self, request: Request, end: float) -> Response:
        url = self._target(request)
        signed = self._signed(request, url)
        timeout = max(end - time.monotonic(), 0.001)
        built = self._built(request, url, signed, timeout)
        with self._translated(timeout, built):
            answer = self._client.send(built, stream=True)
        body = _Body(answer, end, timeout)
        try:
            with body.translated():
                for chunk in answer.iter_raw():
                    body.take(chunk)
        finally:
            answer.close()
        return body.response()

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport(_Pool):
    """Sends requests of coroutines over a pool of connections."""

    _steps = AsyncSteps

    def __init__(self, url: str, authorizer: Authorizer, agent: str = "vectord-client", connections: int = 100) -> None:
        import asyncio  # noqa: PLC0415  15 ms that only coroutines need

        super().__init__(url, authorizer, agent)
        self._fetching = asyncio.Lock()
        self._client = httpx2.AsyncClient(follow_redirects=False, limits=_limits(connections))

    async def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request; one more attempt follows if a token was refused and can be renewed."""
        end = time.monotonic() + timeout
        await self._fetch_token()
        used = self._token
        response = await self._exchange(request, end)
        if not self._renewable(response, used):
            return response
        await self._fetch_token()
        return await self._exchange(request, end)

    async def _fetch_token(self) -> None:
        token = self._authorizer
        if isinstance(token, Token) and token.source is not None:
            async with self._fetching:
                if token.missing:
                    value: Any = token.source()
                    token.store(await value if isawaitable(value) else value)

    async def _exchange(self, request: Request, end: float) -> Response:
        url = self._target(request)
        signed = await self._authorized(request, url)
        timeout = max(end - time.monotonic(), 0.001)
        built = self._built(request, url, signed, timeout)
        with self._translated(timeout, built):
            answer = await self._client.send(built, stream=True)
        body = _Body(answer, end, timeout)
        try:
            with body.translated():
                async for chunk in answer.aiter_raw():
                    body.take(chunk)
        finally:
            await answer.aclose()
        return body.response()

    async def _authorized(self, request: Request, url: str) -> Mapping[str, str]:
        if not self._authorizer.blocks:
            return self._signed(request, url)
        import asyncio  # noqa: PLC0415

        return await asyncio.to_thread(self._signed, request, url)

    async def close(self) -> None:
        await self._client.aclose()


class _Body:
    """The body of one response while it arrives."""

    def __init__(self, answer: httpx2.Response, end: float, timeout: float) -> None:
        self._answer, self._end, self._timeout = answer, end, timeout
        self._chunks: list[bytes] = []
        self._bytes = 0
        packed = answer.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None

    def take(self, chunk: bytes) -> None:
        """Add a part of the body."""
        if time.monotonic() > self._end:
            raise TimedOut(f"The answer was not complete after {self._timeout:.3g} s.", status=self._answer.status_code)
        if self._unpack is not None:
            chunk = self._unpack.decompress(chunk, _MOST_BYTES + 1)
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        if self._bytes > _MOST_BYTES:
            raise gateway_errors.AnswerInvalid(_TOO_LARGE, status=self._answer.status_code)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise errors of a body that does not arrive as those of this package."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise TimedOut(
                f"The answer was not complete after {self._timeout:.3g} s.", status=self._answer.status_code
            ) from error
        except (httpx2.TransportError, zlib.error) as error:
            raise self._truncated(str(error)) from error

    def response(self) -> Response:
        """Return the complete response."""
        if self._unpack is not None and self._bytes and not self._unpack.eof:
            raise self._truncated("its compressed form is cut")
        headers = {name.lower(): value for name, value in self._answer.headers.items()}
        return Response(self._answer.status_code, headers, b"".join(self._chunks))

    def _truncated(self, reason: str) -> AnswerTruncated:
        return AnswerTruncated(
            f"The answer ended before it was complete: {reason}. A proxy or the network cut it.",
            status=self._answer.status_code,
        )


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx2.URL:
    """Return a URL that need not be parsed again: that takes a tenth of the time of a request, and few URLs differ."""
    return httpx2.URL(url)


def _limits(connections: int) -> httpx2.Limits:
    return httpx2.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0)
