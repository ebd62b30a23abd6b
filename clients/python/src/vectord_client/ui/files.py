"""The files of the page, which are served from memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

PAGE: Final = Path(__file__).parent / "page"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class File(msgspec.Struct, frozen=True):
    """A file with its media type."""

    type: str
    body: bytes


def read_files() -> Mapping[str, File]:
    """Return all files of the page by their names. No request names a path, so none can leave the folder."""
    return {path.name: File(_TYPES[path.suffix], path.read_bytes()) for path in PAGE.iterdir() if path.suffix in _TYPES}
