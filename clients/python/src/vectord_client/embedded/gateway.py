"""Open a folder in this process. This module imports no part of the engine, and says what embedded mode lacks."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vectord_client.embedded.options import Options
from vectord_client.errors import MissingExtra

if TYPE_CHECKING:
    from vectord_client.embedded.transport import Gateway

_FIRST: Final = (3, 12)  # the versions of Python on which the engine runs
_AFTER_LAST: Final = (3, 14)
_LIBRARIES: Final = ("annoy", "aws_lambda_powertools", "numpy", "obstore")


def open_gateway(folder: Path, options: Options | None = None) -> "Gateway":
    """Open `folder`, and create it if it is missing; all gateways of this process to one folder share one engine.

    Raises:
        MissingExtra: this Python is too old or too new for the engine, or libraries of the engine are not installed.
        TargetInvalid: the path cannot be a folder.
    """
    check_requirements()
    from vectord_client.embedded import transport  # noqa: PLC0415  imports the engine, after the check

    return transport.Gateway(folder, options or Options())


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
