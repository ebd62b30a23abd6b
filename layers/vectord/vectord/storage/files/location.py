"""The stores that need no bucket; a folder is named by a URL such as `file:///srv/vectord?versions=20&days=30`."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from vectord.storage.base import Store
from vectord.storage.files import keep
from vectord.storage.files.store import FileStore
from vectord.storage.memory import MemoryStore


def local_store(url: str | None) -> Store:
    """Return the store of a `file:` URL, or a new one in memory without a URL; raise what `open_store` raises."""
    return MemoryStore() if url is None else open_store(url)


def open_store(url: str) -> FileStore:
    """Open the folder of a `file:` URL; its query, if it has one, says which earlier versions of an index are kept.

    Raises:
        ValueError: the query is not valid.
        FolderRefused: the folder cannot be opened or made.
    """
    parts = urlsplit(url)
    return FileStore(Path(unquote(parts.path)), keep=keep.of_query(parts.query) if parts.query else None)
