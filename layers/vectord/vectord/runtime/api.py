"""The composition root of the API: reads the environment and puts the parts together. Only handlers import it."""

import os
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vectord.cache.section_cache import MAX_OPEN_FILES, SectionCache
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.export import Exports
from vectord.service.service import Service
from vectord.service.sharding.fan_out import Invoke
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.base import Store
from vectord.storage.credentials import Credentials, profile_region
from vectord.storage.lambda_invoke import Functions
from vectord.storage.memory import MemoryStore
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.store import S3Store

DEFAULT_PREFIX = "_vectors"
_TMP_MB = 1_024  # the template's default


class Settings(msgspec.Struct, frozen=True):
    """What the environment says, typed.

    `bucket` is None for the ephemeral store; `inbox` is the bucket for uploads, if there is one; `memory` is what the
    function has, and `tmp_size` what its folder `tmp` can take, in bytes. `function` is this one, as `name:alias`, if
    it calls itself for the shards of an index. botocore finds a missing `region` or `credentials`.
    `compact` is the function that compacts, if there is one.
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

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read VECTORD_STORE (`s3://bucket/prefix`, empty for ephemeral), the other VECTORD_ ones, and AWS's own.

        VECTORD_FANOUT is the alias by which the function calls itself for shards; empty if it does all of them itself.

        Raises:
            ValueError: VECTORD_STORE is neither.
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
            _itself(environ),
            environ.get("AWS_ENDPOINT_URL_LAMBDA") or environ.get("AWS_ENDPOINT_URL") or None,
            environ.get("AWS_CA_BUNDLE") or None,
            environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true",
        )

    @property
    def warm_bytes(self) -> int:
        """Bytes of envelopes, decoded into memory, that a warm function keeps; the sections lie in files."""
        return self.memory // 3

    @property
    def local_bytes(self) -> int:
        """Bytes of sections that are kept in files; the rest of `tmp` is for building."""
        return self.tmp_size * 3 // 4

    @property
    def file_bytes(self) -> int:
        """Bytes that an uploaded file may have: it, its vectors, the index and its new blob are in memory at once."""
        return self.memory // 6


def service() -> Service:
    """Return the service that the environment asks for; equal settings share it, and so its cached snapshots."""
    return _service(Settings.read(os.environ))


@cache
def _service(settings: Settings) -> Service:
    environment = Environment()
    return Service(
        store_of(settings),
        files_of(settings),
        memory_bytes=settings.warm_bytes,
        environment=environment,
        retry_policy=RetryPolicy(),
        invoke=_invoke_of(settings),
        build_policy=build_policy_of(settings, environment),
    )


def exports() -> Exports:
    """Return what writes the indexes of the service to files."""
    settings = Settings.read(os.environ)
    return Exports(_service(settings), settings.tmp, settings.tmp_size - settings.local_bytes)


def build_policy_of(settings: Settings, environment: Environment) -> BuildPolicy | None:
    """Return how builds are handed over, None if there is no function that compacts and every build runs here."""
    if settings.compact is None:
        return None
    return BuildPolicy(environment, partial(_functions_of(settings).send, settings.compact), settings.memory)


def _invoke_of(settings: Settings) -> Invoke | None:
    if settings.function is None:
        return None
    return partial(_functions_of(settings).call, settings.function)


@cache
def _functions_of(settings: Settings) -> Functions:
    return Functions(settings.lambda_endpoint, _region_of(settings), settings.credentials)


@cache
def files_of(settings: Settings) -> SectionCache:
    # Each takes two descriptors, its own and its mapping's; Lambda allows 1,024, and the rest is for connections.
    most = os.sysconf("SC_OPEN_MAX") // 3
    return SectionCache(
        settings.tmp / "vectord-sections", settings.local_bytes, max_open=most if most > 0 else MAX_OPEN_FILES
    )


@cache
def store_of(settings: Settings) -> Store:
    if settings.bucket is None:
        return MemoryStore()
    return S3Store(bucket_of(settings, settings.bucket), settings.prefix)


def bucket_of(settings: Settings, name: str) -> Bucket:
    return Bucket(
        name,
        _region_of(settings),
        settings.endpoint,
        settings.credentials,
        ca_bundle=settings.ca_bundle,
        fips=settings.fips,
    )


def _region_of(settings: Settings) -> str:
    return settings.region or profile_region()


def _credentials(environ: Mapping[str, str]) -> Credentials | None:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, environ.get("AWS_SESSION_TOKEN") or None) if access and secret else None


def _itself(environ: Mapping[str, str]) -> str | None:
    name, alias = environ.get("AWS_LAMBDA_FUNCTION_NAME"), environ.get("VECTORD_FANOUT")
    return f"{name}:{alias}" if name and alias else None


def _location(store: str) -> tuple[str | None, str]:
    if not store:
        return None, DEFAULT_PREFIX
    url = urlsplit(store)
    if url.scheme != "s3" or not url.netloc:
        raise ValueError(f"VECTORD_STORE must be s3://bucket/prefix or empty, not {store!r}")
    return url.netloc, url.path.strip("/") or DEFAULT_PREFIX
