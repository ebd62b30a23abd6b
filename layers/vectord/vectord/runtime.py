"""The composition root: reads the environment and puts the parts together. Only handlers import it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from urllib.parse import urlsplit

from vectord.service import Patience, Service, World
from vectord.stores import MemoryStore, Store
from vectord.stores.s3 import S3Store, make_client

DEFAULT_PREFIX = "_vectors"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, typed.

    `bucket` is None for the ephemeral store; `warm_bytes` bounds the blobs that a warm function keeps open.
    """

    bucket: str | None = None
    prefix: str = DEFAULT_PREFIX
    endpoint: str | None = None
    warm_bytes: int = 512 << 20

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read VECTORD_STORE (`s3://bucket/prefix`, or empty for ephemeral) and AWS_ENDPOINT_URL.

        Raises:
            ValueError: VECTORD_STORE is neither.
        """
        store = environ.get("VECTORD_STORE", "")
        if not store:
            return cls()
        url = urlsplit(store)
        if url.scheme != "s3" or not url.netloc:
            raise ValueError(f"VECTORD_STORE must be s3://bucket/prefix or empty, not {store!r}")
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
        return cls(url.netloc, url.path.strip("/") or DEFAULT_PREFIX, endpoint)


def service() -> Service:
    """Return the service that the environment asks for; equal settings share one, and so its warm state."""
    return _compose(Settings.read(os.environ))


@cache
def _compose(settings: Settings) -> Service:
    return Service(_store(settings), warm_bytes=settings.warm_bytes, world=World(), patience=Patience())


def _store(settings: Settings) -> Store:
    if settings.bucket is None:
        return MemoryStore()
    return S3Store(settings.bucket, settings.prefix, partial(make_client, settings.endpoint))
