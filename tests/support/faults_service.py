"""Services that reach S3 directly or through a proxy, with the retry policy of a test."""

from random import Random

from tests.support.backends import S3Backend, s3_store
from tests.support.services import new_section_cache
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.boto import Timeouts

TIMEOUTS = Timeouts(connect=0.5, read=0.15, work=0.3)
PATIENCE = RetryPolicy(max_attempts=24, base=0.005, cap=0.05)
# Packed from the first byte on, parts as small as the emulator accepts, and a build after few rows.
PACKED = Thresholds(packed=1, tail_rows=8, tail_share=4, removed_share=3, pieces=3, part=4_096)
PLAIN = Thresholds()


def a_service(
    bucket: S3Backend,
    endpoint: str | None = None,
    *,
    sizes: Thresholds = PLAIN,
    chance: Random | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    retry_policy: RetryPolicy = PATIENCE,
    room: int = 1 << 30,
) -> Service:
    """Return a cold service whose store is the bucket at `endpoint`; `chance` draws its waits and ids.

    It caches at most `room` bytes of sections.
    """
    chance = chance or Random()
    environment = Environment(uniform=chance.uniform, new_id=lambda: f"{chance.getrandbits(128):032x}")
    store = s3_store(endpoint or bucket.endpoint, bucket.bucket, bucket.prefix, timeouts=timeouts, least_part=1)
    return Service(
        store,
        new_section_cache(room),
        memory_bytes=1 << 22,
        environment=environment,
        retry_policy=retry_policy,
        thresholds=sizes,
    )


class Bucket(S3Backend):
    """A bucket that counts the versions of an object."""

    def keep_versions(self) -> None:
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def versions(self, name: str) -> int:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.key(name))
        return sum(len(page.get("Versions", ())) for page in pages)
