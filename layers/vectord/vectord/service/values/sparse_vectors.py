"""Whether metadata have sparse vectors where an index declares them. Other metadata there would never be found."""

from collections.abc import Sequence

import msgspec

from vectord.index.query.text_errors import TextInvalid
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import of_sparse


def sparse_names(params: Params) -> Sequence[str]:
    """Return the names of the sparse vectors that an index declares."""
    return sorted(of_sparse(params.text)) if params.text else ()


def invalid_sparse_reason(metadata: msgspec.Raw | None, names: Sequence[str]) -> str | None:
    """Return which of the `names` has something other than a sparse vector in valid metadata, and why; or None."""
    if metadata is None or not names:
        return None
    from vectord.index.text.sparse import SparseInvalid, sparse_at  # noqa: PLC0415  few indexes have sparse vectors

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
    names = sparse_names(index.params)
    for vector_id in ids if names else ():
        if reason := invalid_sparse_reason(index.tail.metadata.get(vector_id), names):
            raise TextInvalid(f"The change would give {vector_id!r} {reason}; nothing was changed.")
