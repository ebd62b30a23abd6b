"""Where index blobs are kept: one protocol, an in-memory store and S3."""

from vectord.stores.inbox import Inbox, Upload
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
    "Inbox",
    "Listed",
    "MemoryStore",
    "Page",
    "Store",
    "Unchanged",
    "Upload",
]
