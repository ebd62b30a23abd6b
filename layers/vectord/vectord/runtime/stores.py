"""The buckets and the S3 store that the settings of a function name. A cold start makes the store before the engine."""

from typing import Final

from vectord.runtime.settings import Settings
from vectord.storage.credentials import profile_region
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.store import S3Store

# The store of a cold start, until the service takes it over.
_BEGUN: Final[dict[Settings, S3Store]] = {}


def bucket_of(settings: Settings, name: str) -> Bucket:
    """Return the bucket `name` with the region, endpoint and credentials of the settings."""
    return Bucket(
        name,
        region_of(settings),
        settings.endpoint,
        settings.credentials,
        ca_bundle=settings.ca_bundle,
        fips=settings.fips,
        container=settings.container,
    )


def region_of(settings: Settings) -> str:
    """Return the region of the settings, or of the profile that botocore finds."""
    return settings.region or profile_region()


def begin(settings: Settings) -> S3Store | None:
    """Make the store that `take` returns for equal settings; None if they name none, or botocore must complete them."""
    if settings.bucket is None or settings.region is None or settings.credentials is None:
        return None
    store = _BEGUN[settings] = S3Store(bucket_of(settings, settings.bucket), settings.prefix)
    return store


def take(settings: Settings, bucket: str) -> S3Store:
    """Return the store that was begun for these settings, or a new one."""
    return _BEGUN.pop(settings, None) or S3Store(bucket_of(settings, bucket), settings.prefix)
