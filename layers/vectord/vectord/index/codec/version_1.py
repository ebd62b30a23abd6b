"""An index from a blob of version 1, which has no sections: all its rows are open, until a commit encodes them anew."""

from msgspec import structs

from vectord.index.rows import Rows
from vectord.index.state import Index, create, with_rows
from vectord.lhv1.v1 import blob as v1_blob


def open_version_1(blob: bytes, name: str | None = None) -> Index:
    """Return the index that a whole blob of version 1 holds; `name` is its object's, if the caller knows.

    Raises:
        BlobCorrupt, BlobUnsupported: as `version1.read` does.
    """
    held = v1_blob.read(blob, name)
    index = with_rows(create(held.params), Rows(held.ids, held.vectors, held.metadata))
    # All of the blob is in memory, which is what `body` tells those who count.
    return structs.replace(index, size=len(blob), body=len(blob))
