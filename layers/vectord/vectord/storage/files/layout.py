"""Where each object is in the folder, so that a folder can be copied to a prefix of a bucket and back.

    <index>.lhv1                          an index: the bytes of the object, nothing else
    <index>/<generation>/<number>.lhv1    a shard
    .s3vectors/<name>.json                a vector bucket
    .staging/<token>                      a staged object
    .versions/<index>/<id>                an earlier version (see `history`)
    .temporary/<random>                   a file that is being written (see `temporary`)
    .locks/<number>                       an empty file; its lock belongs to a sixty-fourth of the names (see `locks`)

The folder of the shards of an index whose name ends with `.lhv1` has a `~` after its name: without it, it would have
the name of another index's file. No name has a `~`.
"""

from typing import Final
from urllib.parse import quote

from vectord.lhv1 import params
from vectord.storage.limits import BUCKETS, STAGING

SUFFIX: Final = ".lhv1"
BUCKET_SUFFIX: Final = ".json"
VERSIONS: Final = ".versions"
TEMPORARY: Final = ".temporary"
LOCKS: Final = ".locks"


def relative_path(name: str) -> str | None:
    """Return the path of an object relative to the store's folder; None if no object can have this name."""
    if params.is_index_name(name):
        return name + SUFFIX
    if name.startswith(BUCKETS):
        bucket = name.removeprefix(BUCKETS)
        return f"{BUCKETS}{bucket}{BUCKET_SUFFIX}" if params.is_index_name(bucket) else None
    if name.startswith(STAGING) and name != STAGING:
        return _staged_path(name.removeprefix(STAGING))
    if params.is_shard_name(name):
        index, _, rest = name.partition("/")
        return f"{index}{'~' if index.endswith(SUFFIX) else ''}/{rest}{SUFFIX}"
    return None


def _staged_path(token: str) -> str | None:
    try:
        file = quote(token, safe="")  # a token may have slashes
    except UnicodeEncodeError:
        return None
    return STAGING + file if len(file) <= 255 and file.strip(".") else None


def folders_of(path: str) -> list[str]:
    """Return the folders of a relative path, outermost first: for `a/b/c` the folders `a` and `a/b`."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def has_versions(name: str) -> bool:
    """Return True for an index: earlier versions of shards, buckets and staged objects are not kept.

    No earlier state of a sharded index can be opened, because no record says which versions of its shards form one.
    """
    return params.is_index_name(name)
