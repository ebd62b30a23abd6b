"""The composition root of the compact function: compaction and thinning."""

import os
from functools import cache
from typing import Final

from vectord.runtime import stores
from vectord.runtime.resources import section_cache_of, store_of
from vectord.runtime.settings import Settings
from vectord.service.maintenance.compaction import Compaction
from vectord.service.maintenance.thinning import Thinning
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.s3.removal import S3Remover

_ATTEMPTS: Final = 1_000  # high, so that the deadline ends the loop: an attempt that meets a conflict costs little


def compaction() -> Compaction:
    """Return the compaction of the store that the environment variables name."""
    return _compaction(Settings.read(os.environ))


def thinning() -> Thinning:
    """Return the thinning of the store that the environment variables name."""
    return _thinning(Settings.read(os.environ))


@cache
def _thinning(settings: Settings) -> Thinning:
    remover = None
    if settings.bucket and settings.version_days:
        remover = S3Remover(stores.bucket_of(settings, settings.bucket), settings.prefix)
    return Thinning(
        store_of(settings), remover, days=settings.version_days, environment=Environment(), retry_policy=RetryPolicy()
    )


@cache
def _compaction(settings: Settings) -> Compaction:
    retry_policy = RetryPolicy(max_attempts=_ATTEMPTS)
    return Compaction(
        store_of(settings), section_cache_of(settings), environment=Environment(), retry_policy=retry_policy
    )
