"""AWS Signature Version 4. It takes what boto3 would need 0.4 s of imports for."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_NO_HEADERS: Final[Mapping[str, str]] = {}
NOTHING: Final = hashlib.sha256(b"").hexdigest()
UNSIGNED: Final = "UNSIGNED-PAYLOAD"  # S3 takes it for a body of any content


class Keys(msgspec.Struct, frozen=True):
    """The credentials of one caller; `token` belongs to temporary ones."""

    access: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Keys({self.access!r}, ...)"  # a log shows no secret


def signed(
    method: str,
    host: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] = _NO_HEADERS,
    payload: str = NOTHING,
    keys: Keys,
    region: str,
    at: datetime,
) -> dict[str, str]:
    """Return `headers` and those that sign a request to S3 made at `at` (UTC), which S3 takes within 15 minutes.

    `path` is percent-encoded, `query` is as `query_of` gives it, names of headers are in lower case, and `payload` is
    the body's SHA-256 in hex, or UNSIGNED. Headers sent besides, such as Range and If-Match, are not signed, so one
    signature serves many of them.
    """
    signs = {**headers, "host": host, "x-amz-content-sha256": payload, "x-amz-date": _stamp(at)}
    if keys.token:
        signs["x-amz-security-token"] = keys.token
    signs["authorization"] = authorization(method, path, signs, query=query, keys=keys, region=region, at=at)
    return signs


def presigned(
    method: str,
    host: str,
    path: str,
    *,
    query: Mapping[str, str],
    seconds: int,
    keys: Keys,
    region: str,
    at: datetime,
) -> str:
    """Return the query, `query` in it, that lets anybody make this request to S3 within `seconds` from `at` (UTC)."""
    scope = _scope(at, region, "s3")
    values = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access}/{scope}",
        "X-Amz-Date": _stamp(at),
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        values["X-Amz-Security-Token"] = keys.token
    text = query_of(values)
    request = f"{method}\n{path}\n{text}\nhost:{host}\n\nhost\n{UNSIGNED}"
    return f"{text}&X-Amz-Signature={_signature(request, scope, keys, at)}"


def query_of(values: Mapping[str, str]) -> str:
    """Return a query string as it is signed: sorted by name, percent-encoded, each name with a `=`."""
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in values.items())
    return "&".join(f"{name}={value}" for name, value in encoded)


def signed_body(
    host: str, path: str, body: bytes, *, service: str, keys: Keys, region: str, at: datetime
) -> dict[str, str]:
    """Return the headers that sign a POST of `body` to a percent-encoded path of any service but S3."""
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": _stamp(at)}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    twice = quote(path, safe="/-_.~")  # as every service but S3 wants it
    headers["authorization"] = authorization("POST", twice, headers, keys=keys, region=region, at=at, service=service)
    return headers


def authorization(
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    query: str = "",
    keys: Keys,
    region: str,
    at: datetime,
    service: str = "s3",
) -> str:
    """Return the Authorization header over `headers`: all that are to be signed, by their names in lower case."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
    scope = _scope(at, region, service)
    signature = _signature(request, scope, keys, at)
    return f"{_ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"


def _scope(at: datetime, region: str, service: str) -> str:
    return f"{at:%Y%m%d}/{region}/{service}/aws4_request"


def _signature(request: str, scope: str, keys: Keys, at: datetime) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    return _hmac(_key(keys.secret, scope), f"{_ALGORITHM}\n{_stamp(at)}\n{scope}\n{digest}").hex()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"
