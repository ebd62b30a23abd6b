"""The composition root of exports, separate from the API's: a search does not import the writers of files."""

import os
from functools import cache

from vectord.runtime.api import service_of
from vectord.runtime.settings import Settings
from vectord.service.export import Exports


def exports() -> Exports:
    """Return the exports of the service's indexes."""
    return _exports(Settings.read(os.environ))


@cache
def _exports(settings: Settings) -> Exports:
    return Exports(service_of(settings), settings.tmp, settings.tmp_size - settings.section_bytes)
