"""Values that travel with a request: deadline, state to read, an index to create, and conditions of a write."""

from collections.abc import Container
from typing import Final

import msgspec

from vectord.errors import RequestInvalid
from vectord.lhv1.params import Embedding
from vectord.lhv1.text_fields import TextFields

DEFAULT_MAX_SHARDS: Final = 100  # of a new index; the template's default
DEFAULT_STALENESS: Final = 10.0  # seconds
MAX_STALENESS: Final = 3_600.0  # seconds
NO_INDEX_ETAG: Final = ""  # the ETag of an index that does not exist
# The bytes that a search reads first: the whole of a small index, or the envelope and the head of the partitions of a
# large one with about 100,000 rows of 384 dimensions, of which 10,000 may be removed. Reading 1.9 MB more takes as long
# as a second request: 25 ms at 75 MB/s.
SEARCH_HEAD_BYTES: Final = 384 << 10
MESSAGE_KEYS: Final = {"part", "seconds"}  # of a message from another function; no other event has exactly these


class Deadline(msgspec.Struct, frozen=True):
    """When the caller stops waiting, in seconds on the environment's clock."""

    at: float


class ReadOptions(msgspec.Struct, frozen=True):
    """Which state of an index a read uses.

    With `staleness`, a cached state may be used if it was the present one at most that many seconds ago; otherwise the
    read is strong. `as_of` names an earlier state: a version id, an ETag in quotes, or an RFC 3339 time.
    """

    staleness: float | None = None
    as_of: str | None = None

    def check(self) -> None:
        """Raise RequestInvalid if the options contradict each other."""
        if self.as_of is not None and self.staleness is not None:
            raise RequestInvalid("as_of cannot be combined with consistency 'eventual': as_of names one fixed state")


class IdempotencyKey(msgspec.Struct, frozen=True):
    """An Idempotency-Key, and a hash of its request: 8 hex digits; `queued` if it is that of a queued change."""

    text: str
    request: str
    queued: bool = False


class NewIndex(msgspec.Struct, frozen=True):
    """The parameters of an index to create; 0, negative or empty values select the defaults.

    `text` declares the fields whose texts can be searched; None declares none.
    """

    name: str
    dimension: int
    m: int = 0
    ef_search: int = 0
    distance: str = ""
    shards: int = 1
    embedding: Embedding | None = None
    text: TextFields | None = None


class WriteOptions(msgspec.Struct, frozen=True):
    """The condition of a write: `precondition` contains the ETags at which it may proceed; None allows any.

    A write with a `key` is applied once: a repeat changes nothing and has the same result. A write with an `identity`
    (`mutations.identity_of`) changes no other index of the same name.
    """

    precondition: Container[str] | None = None
    key: IdempotencyKey | None = None
    identity: str | None = None


STRONG: Final = ReadOptions()
UNCONDITIONAL: Final = WriteOptions()
