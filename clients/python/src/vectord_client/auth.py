"""Ways to authorize a request: no credentials, a token, or a signature of AWS (IAM)."""

from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutine
from threading import Lock
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from vectord_client.errors import ArgumentInvalid, CredentialsMissing, MissingExtra

TokenSource: TypeAlias = Callable[[], str | Awaitable[str]]
Auth: TypeAlias = str | TokenSource | None

_SERVICE: Final = "execute-api"
_AWS: Final = ".amazonaws.com"


class Authorizer(Protocol):
    """Authorizes requests. If `blocks`, `headers` may wait for the network."""

    blocks: bool

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
        """Return the headers to add to a request."""


class Open:
    """Sends no credentials."""

    blocks = False

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
        return {}


class Token:
    """Sends a bearer token, fixed or from a callable, which is called for the first token and to renew it.

    The shells call the source, because it may be a coroutine function: `missing`, then `store`.
    """

    blocks = False

    def __init__(self, source: str | TokenSource) -> None:
        self.source = source if callable(source) else None
        self.lock = Lock()
        self._token = None if callable(source) else _checked(source)

    @property
    def missing(self) -> bool:
        return self._token is None

    @property
    def current(self) -> str | None:
        return self._token

    def store(self, token: Any) -> None:
        """Use a token from the source."""
        self._token = _checked(token)

    def discard(self, refused: str | None) -> bool:
        """Forget a token that the service refused; return True if there is, or may be, another one."""
        if self.source is None:
            return False
        if self._token == refused:
            self._token = None
        return True

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._token}"}


def _checked(token: Any) -> str:
    if iscoroutine(token):
        token.close()
        raise ArgumentInvalid("`auth` is a coroutine function, which only AsyncClient can call.")
    if (
        not isinstance(token, str)
        or not token.strip()
        or not token.strip().isascii()
        or not token.strip().isprintable()
    ):
        raise ArgumentInvalid("The token is not a line of visible ASCII characters; `auth` must be or return one.")
    return token.strip().removeprefix("Bearer ").strip()


class Iam:
    """Signs requests with botocore's signer and the credentials that its chain finds, which renew themselves."""

    blocks = True

    def __init__(self, region: str | None = None) -> None:
        try:
            from botocore.auth import SigV4Auth  # noqa: PLC0415  an extra
            from botocore.awsrequest import AWSRequest  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError  # noqa: PLC0415
            from botocore.session import get_session  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtra(
                "Requests are signed with botocore, which is not installed: pip install 'vectord-client[iam]'."
            ) from error
        self._signer, self._request, self._error = SigV4Auth, AWSRequest, BotoCoreError
        session = get_session()
        self.region = region or self._read(lambda: session.get_config_variable("region"))
        if not self.region:
            raise CredentialsMissing(
                "No AWS region is known: set AWS_REGION or AWS_DEFAULT_REGION.",
                advice="Or give Client the argument `region`.",
            )
        self._credentials = self._found(session.get_credentials)

    def _read(self, find: Callable[[], Any]) -> Any:
        """Return what botocore finds in the environment and its files."""
        try:
            return find()
        except self._error as error:
            raise CredentialsMissing(f"AWS credentials cannot be read: {error}.") from error

    def _found(self, find: Callable[[], Any]) -> Any:
        found = self._read(find)
        if found is None:
            raise CredentialsMissing(
                "No AWS credentials were found: run `aws sso login` or `aws configure`, or set AWS_PROFILE or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
                advice="For an API without IAM, use auth='none'.",
            )
        return found

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Mapping[str, str]:
        request = self._request(method=method, url=url, data=body or b"", headers={"host": urlsplit(url).netloc})
        frozen = self._found(self._credentials.get_frozen_credentials)
        self._signer(frozen, _SERVICE, self.region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items() if name.lower() != "host"}


def _region_of(host: str) -> str | None:
    """Return the region in the name of an API of API Gateway, such as a1b2.execute-api.eu-west-1.amazonaws.com."""
    labels = host.split(".")
    return labels[2] if len(labels) >= 5 and labels[1] == _SERVICE else None


def authorizer(auth: Auth, url: str, region: str | None, environment: Mapping[str, str]) -> Authorizer:
    """Return the authorizer for the argument `auth`, or for the environment and the host if it is None."""
    host = urlsplit(url).hostname or ""
    if auth is None:
        auth = environment.get("VECTORD_TOKEN") or environment.get("VECTORD_AUTH") or None
    if auth is None:
        auth = "iam" if _region_of(host) and host.endswith((_AWS, _AWS + ".cn")) else "none"
    if auth == "iam":
        return Iam(region or _region_of(host) or environment.get("AWS_REGION"))
    return Open() if auth == "none" else Token(auth)
