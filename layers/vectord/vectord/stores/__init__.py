"""Where index blobs are kept: one protocol, an in-memory store and S3."""

from vectord.stores.inbox import Inbox, Upload
from vectord.stores.links import LONGEST_LINK
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
    Reader,
    Source,
    Span,
    Store,
    Unchanged,
    Version,
    VersionPage,
)

__all__ = [
    "LEAST_PART",
    "LONGEST_LINK",
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
    "Reader",
    "Source",
    "Span",
    "Store",
    "Unchanged",
    "Upload",
    "Version",
    "VersionPage",
]
