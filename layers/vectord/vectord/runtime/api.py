"""The composition root of the functions behind the HTTP API."""

import os
from functools import cache
from threading import Lock

from vectord.runtime.resources import build_policy_of, invoke_of, queue_of, section_cache_of, store_of
from vectord.runtime.settings import Settings
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.s3.store import S3Store

_composing = Lock()  # threads of one process, as in tests, would otherwise compose a store in memory each


def service() -> Service:
    """Return the service for the environment variables; equal settings return the same service with its caches."""
    with _composing:
        return service_of(Settings.read(os.environ))


def writing_service() -> Service:
    """Return the service for a function that writes, and start to create the client that sends its writes."""
    made = service()
    if isinstance(store := made.reader.store, S3Store):
        store.begin_writing()
    return made


@cache
def service_of(settings: Settings) -> Service:
    environment = Environment()
    return Service(
        store_of(settings),
        section_cache_of(settings),
        memory_bytes=settings.snapshot_bytes,
        environment=environment,
        retry_policy=RetryPolicy(),
        invoke=invoke_of(settings),
        build_policy=build_policy_of(settings, environment),
        max_shards=settings.max_shards,
        queue=queue_of(settings),
    )
