"""The options of embedded mode."""

from pathlib import Path

import msgspec


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
