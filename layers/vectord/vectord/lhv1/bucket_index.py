"""What an index of a vector bucket stores beside its rows: the key `s3vectors` of the envelope.

Names and limits are those of Amazon S3 Vectors, API version 2025-07-15. An index that the native API created does not
have the key.
"""

from typing import Final, Literal

import msgspec

from vectord.lhv1.params import Params, is_index_name

IndexMode = Literal["CLASSIC", "ENHANCED"]

MAX_NON_FILTERABLE: Final = 10  # metadata keys of one index
MAX_METADATA_KEY: Final = 63  # characters
MAX_TAGS: Final = 50  # of one index or vector bucket
MAX_TAG_KEY: Final = 128  # characters
MAX_TAG_VALUE: Final = 256  # characters
MAX_TIME: Final = 253_402_300_799  # the last second of the year 9999


class BucketIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the index was created, in seconds since 1970; its non-filterable metadata keys, tags and index mode."""

    created: int
    non_filterable: tuple[str, ...] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    mode: IndexMode = "ENHANCED"


def invalid_reason(stored: BucketIndex, index: Params) -> str | None:
    """Return which value is out of range, or why an index with these parameters cannot have the key; or None."""
    if index.shards or not is_index_name(index.name):
        return "a shard, or an index with shards, is not in a vector bucket"
    if not 0 <= stored.created <= MAX_TIME:
        return f"its time of creation is {stored.created:,}, not 0 to {MAX_TIME:,}"
    keys = stored.non_filterable
    if len(keys) > MAX_NON_FILTERABLE or len(set(keys)) < len(keys):
        return f"it has more than {MAX_NON_FILTERABLE} non-filterable metadata keys, or one of them twice"
    if not all(1 <= len(key) <= MAX_METADATA_KEY for key in keys):
        return f"a non-filterable metadata key is empty or longer than {MAX_METADATA_KEY} characters"
    return invalid_tags_reason(stored.tags)


def invalid_tags_reason(tags: dict[str, str]) -> str | None:
    """Return why `tags` are too many, or which part of them has the wrong length, or None."""
    if len(tags) > MAX_TAGS:
        return f"it has {len(tags):,} tags, more than {MAX_TAGS}"
    if not all(1 <= len(key) <= MAX_TAG_KEY and len(value) <= MAX_TAG_VALUE for key, value in tags.items()):
        return f"a tag's key is not 1 to {MAX_TAG_KEY} characters long, or its value is longer than {MAX_TAG_VALUE}"
    return None
