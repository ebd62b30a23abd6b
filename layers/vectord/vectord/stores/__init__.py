"""Where index blobs are kept: one protocol, an in-memory store and S3."""

from vectord.stores.memory import MemoryStore
from vectord.stores.protocol import (
    Condition,
    Fetched,
    IfAbsent,
    IfMatch,
    Listed,
    Page,
    Store,
    Unchanged,
)

__all__ = [
    "Condition",
    "Fetched",
    "IfAbsent",
    "IfMatch",
    "Listed",
    "MemoryStore",
    "Page",
    "Store",
    "Unchanged",
]
