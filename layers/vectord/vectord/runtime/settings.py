"""The settings of a function, read from its environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vectord.service.values.options import DEFAULT_MAX_SHARDS
from vectord.storage.credentials import Credentials

DEFAULT_PREFIX = "_vectors"
_TMP_MB = 1_024  # the template's default


class Settings(msgspec.Struct, frozen=True):
    """The environment variables of a function, with types.

    `bucket` is None for the store in memory; `inbox` is the bucket for uploads, if there is one. `memory` is the memory
    of the function and `tmp_size` the size of its folder `tmp`, in bytes. `function` is this function as `name:alias`,
    if it calls itself for the shards of an index; `compact` is the function that compacts, if there is one. botocore
    finds a missing `region` or `credentials`. A new index may have up to `max_shards` shards.
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

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read VECTORD_STORE (`s3://bucket/prefix`, empty for a store in memory) and the other variables.

        VECTORD_FANOUT is the alias by which the function calls itself for shards; it is empty if the function does not.

        Raises:
            ValueError: VECTORD_STORE has another form.
        """
        bucket, prefix = _location(environ.get("VECTORD_STORE", ""))
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
        )

    @property
    def snapshot_bytes(self) -> int:
        """Bytes of decoded envelopes that a function keeps in memory; the sections are in files."""
        return self.memory // 3

    @property
    def section_bytes(self) -> int:
        """Bytes of sections that a function keeps in files; the rest of `tmp` is for builds."""
        return self.tmp_size * 3 // 4

    @property
    def file_bytes(self) -> int:
        """Maximum bytes of an uploaded file. It, its vectors, the index and the new blob are in memory at once."""
        return self.memory // 6


def access_claim() -> str | None:
    """Return the claim that holds the rights of callers, from VECTORD_ACCESS_CLAIM; None if all may do everything."""
    return os.environ.get("VECTORD_ACCESS_CLAIM") or None


def _credentials(environ: Mapping[str, str]) -> Credentials | None:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, environ.get("AWS_SESSION_TOKEN") or None) if access and secret else None


def _this_function(environ: Mapping[str, str]) -> str | None:
    name, alias = environ.get("AWS_LAMBDA_FUNCTION_NAME"), environ.get("VECTORD_FANOUT")
    return f"{name}:{alias}" if name and alias else None


def _location(store: str) -> tuple[str | None, str]:
    if not store:
        return None, DEFAULT_PREFIX
    url = urlsplit(store)
    if url.scheme != "s3" or not url.netloc:
        raise ValueError(f"VECTORD_STORE must be s3://bucket/prefix or empty, not {store!r}")
    return url.netloc, url.path.strip("/") or DEFAULT_PREFIX
