"""The composition root of ingestion, apart from the API's, so that a search does not pay for its imports."""

import os
from functools import cache

from vectord.runtime.api import Settings, bucket_of, build_policy_of, files_of, store_of
from vectord.service.ingest import Ingestion
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.boto import Lazy
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.inbox import S3Inbox


def ingestion() -> Ingestion:
    """Return what ingests uploads into the store that the environment names.

    Raises:
        ValueError: VECTORD_INBOX is not set.
    """
    return _ingestion(Settings.read(os.environ))


@cache
def _ingestion(settings: Settings) -> Ingestion:
    if settings.inbox is None:
        raise ValueError("VECTORD_INBOX must name the bucket for uploads")
    bucket = bucket_of(settings, settings.inbox)
    inbox = S3Inbox(bucket.name, Lazy(lambda: s3_client(bucket)))
    environment = Environment()
    return Ingestion(
        inbox,
        store_of(settings),
        files_of(settings),
        max_file_bytes=settings.file_bytes,
        environment=environment,
        retry_policy=RetryPolicy(),
        build_policy=build_policy_of(settings, environment),
    )
