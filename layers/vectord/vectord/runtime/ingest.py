"""The composition root of ingestion, separate from the API's: a search does not import the readers of files."""

import os
from functools import cache

from vectord.runtime.resources import build_policy_of, section_cache_of, store_of
from vectord.runtime.settings import Settings
from vectord.runtime.stores import bucket_of
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.boto import Lazy
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.inbox import S3Inbox


def ingestion() -> Ingestion:
    """Return the ingestion into the store that the environment variables name.

    Raises:
        ValueError: VECTORD_INBOX is not set.
    """
    return _ingestion(Settings.read(os.environ))


@cache
def _ingestion(settings: Settings) -> Ingestion:
    if settings.inbox is None:
        raise ValueError("VECTORD_INBOX must name the bucket for uploads")
    # DuckDB's allocator, jemalloc, reads this variable when DuckDB is imported, at the first Parquet file. By default
    # it keeps the address space of freed memory, 1.5 GB after a file that decodes to much; then a thread has no stack.
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "retain:false")
    bucket = bucket_of(settings, settings.inbox)
    inbox = S3Inbox(bucket.name, Lazy(lambda: s3_client(bucket)))
    environment = Environment()
    return Ingestion(
        inbox,
        store_of(settings),
        section_cache_of(settings),
        max_file_bytes=settings.file_bytes,
        environment=environment,
        retry_policy=RetryPolicy(),
        build_policy=build_policy_of(
            settings, environment
        ),  # a build in each of many files would send their rows often
    )
