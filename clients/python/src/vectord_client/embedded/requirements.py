"""What embedded mode needs: Python, libraries, memory and disk. This module imports no part of the engine."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from vectord_client.errors import MissingExtra

_FIRST: Final = (3, 12)  # the versions of Python on which the engine runs
_AFTER_LAST: Final = (3, 14)
_LIBRARIES: Final = ("Stemmer", "annoy", "aws_lambda_powertools", "numpy", "obstore")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How much a process may use for the indexes of a folder, and how long it waits for builds when it closes it.

    `memory_bytes` is the memory that an index may use: a third of it for opened indexes, and a sixth for an uploaded
    file. Sections are cached in `cache_folder`, by default the user's cache folder, up to `cache_bytes`.
    `close_seconds` is how long closing waits for builds.
    """

    memory_bytes: int = 2 << 30
    cache_folder: Path | None = None
    cache_bytes: int = 8 << 30
    close_seconds: float = 30.0


def check_requirements(*more: str) -> None:
    """Raise MissingExtra if this environment lacks what the engine needs, or one of the libraries `more`."""
    if not _FIRST <= sys.version_info[:2] < _AFTER_LAST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise MissingExtra(
            f"Embedded mode needs Python 3.12 or 3.13, and this is Python {found}. Use a newer Python, or a client for "
            "the URL of a server, which works on this one."
        )
    missing = [name for name in (*_LIBRARIES, *more) if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"Embedded mode needs libraries that are not installed ({', '.join(missing)}). Install them: "
            "pip install 'vectord-client[embedded]'"
        )
