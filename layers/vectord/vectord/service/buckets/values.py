"""Vector buckets and their indexes as values: what is stored, how it is named, and what a listing returns."""

import re
from typing import Final

import msgspec

from vectord.lhv1 import bucket_index
from vectord.lhv1.bucket_index import BucketIndex, IndexMode
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import TextFields
from vectord.storage.limits import BUCKETS

MAX_POLICY: Final = 20_480  # bytes; AWS accepts no longer policy of a vector bucket
MAX_WRITES: Final = 32  # this many writers may commit between a lost reply and the read that looks for the write

_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_ID: Final = r"[A-Za-z0-9_-]{1,64}"


class VectorBucket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vector bucket, as its object stores it.

    `id` differs from that of every other bucket, of the same name too; `created` is in seconds since 1970. `deleting`
    is set while a deletion looks for indexes. `writes` has the ids of recent writes, newest last.
    """

    name: str
    id: str
    created: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    default_index_mode: IndexMode = "ENHANCED"
    policy: str | None = None
    deleting: bool = False
    writes: tuple[str, ...] = ()


class IndexHead(msgspec.Struct, frozen=True):
    """What the head of an index says, without its rows; `stored` is None for a native index."""

    name: str
    etag: str
    params: Params
    stored: BucketIndex | None
    searchable: frozenset[str]


class DescribedIndex(msgspec.Struct, frozen=True):
    """An index of a vector bucket; a search can use the texts at the paths `searchable`."""

    params: Params
    stored: BucketIndex
    searchable: frozenset[str] = frozenset()


class Summary(msgspec.Struct, frozen=True):
    """A vector bucket or an index in a listing, and when it was created, in seconds since 1970."""

    name: str
    created: int


class Page(msgspec.Struct, frozen=True):
    """One page of a listing, by name. The next one starts after the name `after`, None on the last page.

    A page may have fewer items than requested, even none, and not be the last.
    """

    items: tuple[Summary, ...]
    after: str | None


class NewBucketIndex(msgspec.Struct, frozen=True):
    """An index to create in a vector bucket; `text` declares the fields whose texts can be searched."""

    name: str
    dimension: int
    distance: str
    non_filterable: tuple[str, ...] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    text: TextFields | None = None


def is_bucket_name(text: str) -> bool:
    """Return True if `text` may name a vector bucket, or an index of one."""
    return re.fullmatch(_BUCKET, text) is not None


def object_name(bucket: str) -> str:
    """Return the name of a vector bucket's object in the store."""
    return BUCKETS + bucket


def index_name(bucket: str, index: str) -> str:
    """Return the name that an index of a vector bucket has in the native API; neither part contains `_`."""
    return f"{bucket}_{index}"


def invalid_reason(stored: VectorBucket) -> str | None:
    """Return which value of a stored bucket is out of range, or None."""
    if not re.fullmatch(_ID, stored.id) or not all(re.fullmatch(_ID, write) for write in stored.writes):
        return "an id in it is not 1 to 64 of A-Z a-z 0-9 _ -"
    if not 0 <= stored.created <= bucket_index.MAX_TIME or len(stored.writes) > MAX_WRITES:
        return "its time of creation is out of range, or it lists too many writes"
    if stored.policy is not None and len(stored.policy.encode()) > MAX_POLICY:
        return f"its policy has more than {MAX_POLICY:,} bytes"
    return bucket_index.invalid_tags_reason(stored.tags)
