"""The stores that need no bucket; a folder is named by a URL such as `file:///srv/vectord?versions=20&days=30`."""

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from vectord.storage.base import Store
from vectord.storage.files.history import Keep
from vectord.storage.files.store import FileStore
from vectord.storage.memory import MemoryStore

_DAY: Final = 24 * 3_600
_MB: Final = 1 << 20


def local_store(url: str | None) -> Store:
    """Return the store of a `file:` URL, or a new one in memory without a URL; raise what `open_store` raises."""
    return MemoryStore() if url is None else open_store(url)


def open_store(url: str) -> FileStore:
    """Open the folder of a `file:` URL; its query says which earlier versions of an index are kept.

    `versions` is how many, `days` how long, and `megabytes` how much (`Keep`); 0 versions keeps none.

    Raises:
        ValueError: the URL has an unknown option, or a value that is not a number.
        FolderRefused: the folder cannot be opened or made.
    """
    parts = urlsplit(url)
    return FileStore(Path(unquote(parts.path)), keep=_keep(parts.query))


def _keep(query: str) -> Keep:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := given.keys() - {"versions", "days", "megabytes"}:
        raise ValueError(f"a file: URL may have the options versions, days and megabytes, not {min(unknown)!r}")
    default = Keep()
    return Keep(
        int(_number(given, "versions", default.versions)),
        _number(given, "days", default.seconds / _DAY) * _DAY,
        int(_number(given, "megabytes", default.bytes / _MB) * _MB),
    )


def _number(given: dict[str, str], option: str, default: float) -> float:
    text = given.get(option)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise ValueError(f"the option {option} of a file: URL must be a number of at least 0, not {text!r}")
    return number
