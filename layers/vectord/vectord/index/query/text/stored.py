"""Whether metadata have sparse vectors where an index declares them. Other metadata there would never be found."""

from collections.abc import Sequence

import msgspec

from vectord.index.query.text_errors import TextInvalid
from vectord.index.state import Index
from vectord.index.text.sparse import SparseInvalid, sparse_at
from vectord.lhv1.text_fields import TextFields, of_sparse


def invalid_sparse_reason(metadata: msgspec.Raw | None, fields: TextFields) -> str | None:
    """Return which of the `fields` has something other than a sparse vector in valid metadata, and why; or None."""
    names = sorted(of_sparse(fields))
    if metadata is None or not names:
        return None
    value = msgspec.json.decode(metadata)
    for name in names:
        try:
            sparse_at(value, name)
        except SparseInvalid as error:
            return f"metadata.{name}{error}"
    return None


def check_sparse(index: Index, ids: Sequence[str]) -> None:
    """Check the metadata of those of `ids` that the last change put in the tail.

    Raises:
        TextInvalid: the sparse vector of one of them is not valid.
    """
    fields = of_sparse(index.params.text or {})
    for vector_id in ids if fields else ():
        if reason := invalid_sparse_reason(index.tail.metadata.get(vector_id), fields):
            raise TextInvalid(f"The change would give {vector_id!r} {reason}; nothing was changed.")
