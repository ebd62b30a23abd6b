"""Values that travel with a request: deadline, state to read, an index to create, and conditions of a write."""

from collections.abc import Container
from typing import Final

import msgspec

from vectord.errors import RequestInvalid
from vectord.lhv1.params import Embedding

DEFAULT_MAX_SHARDS: Final = 100  # of a new index; the template's default


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
    """An Idempotency-Key, and a hash of its request: 8 hex digits."""

    text: str
    request: str


class NewIndex(msgspec.Struct, frozen=True):
    """The parameters of an index to create; 0, negative or empty values select the defaults."""

    name: str
    dimension: int
    m: int = 0
    ef_search: int = 0
    distance: str = ""
    shards: int = 1
    embedding: Embedding | None = None


class WriteOptions(msgspec.Struct, frozen=True):
    """The condition of a write: `precondition` contains the ETags at which it may proceed; None allows any.

    A write with a `key` is applied once: a repeat changes nothing and has the same result.
    """

    precondition: Container[str] | None = None
    key: IdempotencyKey | None = None


STRONG: Final = ReadOptions()
UNCONDITIONAL: Final = WriteOptions()
