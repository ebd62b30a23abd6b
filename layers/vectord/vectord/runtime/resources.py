"""Resources that are created once for each process: store, section cache, and the client for other functions."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from vectord.cache.section_cache import MAX_OPEN_FILES, SectionCache
from vectord.edge.route import Deferred
from vectord.runtime import stores
from vectord.runtime.settings import Settings
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.sharding.fan_out import Invoke
from vectord.service.values.environment import Environment
from vectord.storage.base import Store
from vectord.storage.lambda_invoke import Functions

_QUEUE: Final = Deferred("vectord.storage.sqs_queue", "Queue")  # most functions queue nothing


@cache
def section_cache_of(settings: Settings) -> SectionCache:
    # A section uses two descriptors, for its file and its mapping. Lambda allows 1,024; the rest is for connections.
    max_open = os.sysconf("SC_OPEN_MAX") // 3
    most = max_open if max_open > 0 else MAX_OPEN_FILES
    return SectionCache(settings.section_folder, settings.section_bytes, max_open=most)


@cache
def store_of(settings: Settings) -> Store:
    if settings.bucket is None:
        from vectord.storage.files.store import local_store  # noqa: PLC0415  not in a deployed stack

        return local_store(settings.folder)
    return stores.take(settings, settings.bucket)


def invoke_of(settings: Settings) -> Invoke | None:
    """Return the call that runs a shard request in another invocation; None if this process runs all of them."""
    if settings.function is None:
        return None
    return partial(_functions_of(settings).call, settings.function)


def build_policy_of(settings: Settings, environment: Environment) -> BuildPolicy | None:
    """Return the build policy of a function; None without a compact function: then requests run what is due."""
    if settings.compact is None:
        return None
    return BuildPolicy(environment, partial(_functions_of(settings).send, settings.compact), settings.memory)


def queue_of(settings: Settings) -> Callable[[bytes], None] | None:
    """Return the call that sends a message to the queue of changes; None without one: then no write is queued."""
    if settings.queue is None:
        return None
    send: Callable[[bytes], None] = _QUEUE(
        settings.queue, settings.queue_endpoint, stores.region_of(settings), settings.credentials
    ).send
    return send


@cache
def _functions_of(settings: Settings) -> Functions:
    return Functions(settings.lambda_endpoint, stores.region_of(settings), settings.credentials)
