"""The settings of a function, read from its environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vectord.service.values.options import DEFAULT_MAX_SHARDS
from vectord.storage.credentials import ContainerEndpoint, Credentials

DEFAULT_PREFIX = "_vectors"
_TMP_MB = 1_024  # the template's default
# Where botocore sends a request for credentials without TLS.
_CONTAINER_HOSTS = ("127.0.0.1", "::1", "localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
# The variables and files that botocore reads before it asks the container endpoint, or that change how it asks.
_BEFORE_IT = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
_PROFILES = ("~/.aws/credentials", "~/.aws/config")


class Settings(msgspec.Struct, frozen=True):
    """The environment variables of a function, with types.

    `bucket` is None for a store in memory or in a folder; `folder` is the `file:` URL of the latter; `inbox` is the
    bucket for uploads, if there is one. `memory` is the memory of the function and `tmp_size` the size of its
    folder `tmp`, in bytes. `function` is this function as `name:alias`, if it calls itself for the shards of an
    index; `compact` is the function that compacts, if there is one, and `queue` the URL of the queue of changes.
    A new index may have up to `max_shards` shards.
    Versions are thinned to one a day for `version_days`, or not at all if that is 0.
    Without `credentials`, reads get them from the endpoint `container`. botocore finds a region, and credentials,
    if the environment has none.
    """

    bucket: str | None = None
    prefix: str = DEFAULT_PREFIX
    endpoint: str | None = None
    inbox: str | None = None
    memory: int = 1769 << 20
    region: str | None = None
    credentials: Credentials | None = None
    compact: str | None = None
    tmp: Path = Path("/tmp")
    tmp_size: int = _TMP_MB << 20
    function: str | None = None
    lambda_endpoint: str | None = None
    ca_bundle: str | None = None
    fips: bool = False
    max_shards: int = DEFAULT_MAX_SHARDS
    container: ContainerEndpoint | None = None
    folder: str | None = None
    version_days: int = 0
    queue: str | None = None
    queue_endpoint: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read VECTORD_STORE (`s3://bucket/prefix`, `file:///folder`, empty for a store in memory) and the others.

        VECTORD_FANOUT is the alias by which the function calls itself for shards; it is empty if the function does not.

        Raises:
            ValueError: VECTORD_STORE has another form.
        """
        store = environ.get("VECTORD_STORE", "")
        folder = _folder(store)
        bucket, prefix = _location("" if folder else store)
        return cls(
            bucket,
            prefix,
            environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None,
            environ.get("VECTORD_INBOX") or None,
            int(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1769)) << 20,
            environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None,
            _credentials(environ),
            environ.get("VECTORD_COMPACT") or None,
            Path(environ.get("TMPDIR") or "/tmp"),
            int(environ.get("VECTORD_TMP_MB") or _TMP_MB) << 20,
            _this_function(environ),
            environ.get("AWS_ENDPOINT_URL_LAMBDA") or environ.get("AWS_ENDPOINT_URL") or None,
            environ.get("AWS_CA_BUNDLE") or None,
            environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true",
            int(environ.get("VECTORD_MAX_SHARDS") or DEFAULT_MAX_SHARDS),
            _container(environ),
            folder,
            int(environ.get("VECTORD_VERSION_DAYS") or 0),
            environ.get("VECTORD_CHANGES") or None,
            environ.get("AWS_ENDPOINT_URL_SQS") or environ.get("AWS_ENDPOINT_URL") or None,
        )

    @property
    def snapshot_bytes(self) -> int:
        """Bytes of opened indexes that a function keeps in memory; their sections are in files."""
        return self.memory // 3

    @property
    def section_bytes(self) -> int:
        """Bytes of sections that a function keeps in files; the rest of `tmp` is for builds."""
        return self.tmp_size * 3 // 4

    @property
    def section_folder(self) -> Path:
        """The folder of these files."""
        return self.tmp / "vectord-sections"

    @property
    def file_bytes(self) -> int:
        """Maximum bytes of an uploaded file. It, its vectors, the index and the new blob are in memory at once."""
        return self.memory // 6


def access_claim() -> str | None:
    """Return the claim that holds the rights of callers, from VECTORD_ACCESS_CLAIM; None if all may do everything."""
    return os.environ.get("VECTORD_ACCESS_CLAIM") or None


def arn_prefix() -> str:
    """Return the start of the ARNs of vector buckets, from VECTORD_ARN_PREFIX.

    Raises:
        ValueError: it is not `arn:PARTITION:s3vectors:REGION:ACCOUNT`.
    """
    prefix = os.environ.get("VECTORD_ARN_PREFIX", "")
    parts = prefix.split(":")
    if len(parts) != 5 or parts[0] != "arn" or parts[2] != "s3vectors" or not all(parts):
        raise ValueError(f"VECTORD_ARN_PREFIX must be arn:PARTITION:s3vectors:REGION:ACCOUNT, not {prefix!r}")
    return prefix


def _credentials(environ: Mapping[str, str]) -> Credentials | None:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, environ.get("AWS_SESSION_TOKEN") or None) if access and secret else None


def _container(environ: Mapping[str, str]) -> ContainerEndpoint | None:
    """Return the container endpoint if botocore would use it too, and it needs neither TLS nor a token from a file."""
    try:
        url = urlsplit(environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
    except ValueError:  # botocore refuses it too
        return None
    if url.scheme != "http" or url.hostname not in _CONTAINER_HOSTS or any(environ.get(name) for name in _BEFORE_IT):
        return None
    files = (environ.get("AWS_SHARED_CREDENTIALS_FILE", _PROFILES[0]), environ.get("AWS_CONFIG_FILE", _PROFILES[1]))
    if any(Path(os.path.expanduser(file)).exists() for file in files):  # noqa: PTH111 - Path's fails without a home
        return None
    return ContainerEndpoint(url.geturl(), environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN") or None)


def _this_function(environ: Mapping[str, str]) -> str | None:
    name, alias = environ.get("AWS_LAMBDA_FUNCTION_NAME"), environ.get("VECTORD_FANOUT")
    return f"{name}:{alias}" if name and alias else None


def _location(store: str) -> tuple[str | None, str]:
    if not store:
        return None, DEFAULT_PREFIX
    url = urlsplit(store)
    if url.scheme != "s3" or not url.netloc:
        raise ValueError(f"VECTORD_STORE must be s3://bucket/prefix, file:///folder or empty, not {store!r}")
    return url.netloc, url.path.strip("/") or DEFAULT_PREFIX


def _folder(store: str) -> str | None:
    """Return `store` if it is the `file:` URL of an absolute path on this machine."""
    url = urlsplit(store)
    return store if url.scheme == "file" and not url.netloc and url.path.startswith("/") else None
