"""The composition root of compaction, apart from the API's."""

import os
from functools import cache
from typing import Final

from vectord.runtime.api import Settings, files_of, store_of
from vectord.service.maintenance.compaction import Compaction
from vectord.service.values.environment import Environment, RetryPolicy

_ATTEMPTS: Final = 1_000  # for as long as the function may run: each one that others win costs little


def compaction() -> Compaction:
    """Return what compacts the indexes of the store that the environment names."""
    return _compaction(Settings.read(os.environ))


@cache
def _compaction(settings: Settings) -> Compaction:
    retry_policy = RetryPolicy(max_attempts=_ATTEMPTS)
    return Compaction(store_of(settings), files_of(settings), environment=Environment(), retry_policy=retry_policy)
