"""Where index blobs are kept: one protocol, an in-memory store and S3."""

from vectord.stores.inbox import Inbox, Upload
from vectord.stores.memory import MemoryStore
from vectord.stores.parts import LEAST_PART, STAGING
from vectord.stores.protocol import (
    Condition,
    Fetched,
    Head,
    IfAbsent,
    IfMatch,
    Listed,
    Page,
    Source,
    Span,
    Store,
    Unchanged,
)

__all__ = [
    "LEAST_PART",
    "STAGING",
    "Condition",
    "Fetched",
    "Head",
    "IfAbsent",
    "IfMatch",
    "Inbox",
    "Listed",
    "MemoryStore",
    "Page",
    "Source",
    "Span",
    "Store",
    "Unchanged",
    "Upload",
]
