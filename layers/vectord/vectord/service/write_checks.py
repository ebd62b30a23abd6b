"""Refuse a write before it is queued: raise what the write would raise before it commits.

A write that passes may still be refused by a later state of the index.
"""

from collections.abc import Sequence
from typing import Final

from vectord.errors import VectorNotFound, VectorsNotFound
from vectord.index import mutations
from vectord.lhv1.params import Params
from vectord.readers.entry import Entry
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import is_repeat
from vectord.service.service import Service
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import STRONG, Deadline, WriteOptions
from vectord.service.values.selection import Members, Patch, Selection, parse_filter
from vectord.service.values.validation import validated_items, validated_matrix

_IDS_ONLY: Final = Members(metadata=False, vectors=False)


def check_add(service: Service, name: str, entries: Sequence[Entry], deadline: Deadline, write: WriteOptions) -> None:
    """Check an add; raise BatchInvalid if some entries are not valid."""
    index = _checked(service, name, deadline, write)
    if index is None:
        return
    if isinstance(entries, EntryMatrix):
        validated_matrix(entries, index)
    else:
        validated_items(entries, index)


def check_delete(
    service: Service, name: str, selection: Selection, deadline: Deadline, write: WriteOptions, *, one: bool = False
) -> None:
    """Check a deletion; raise VectorNotFound if it is of `one` vector that does not exist."""
    parse_filter(selection.filter)
    if _checked(service, name, deadline, write) and one and (missing := _missing(service, name, selection, deadline)):
        raise VectorNotFound(name, missing[0])


def check_patch(
    service: Service, name: str, selection: Selection, patch: Patch, deadline: Deadline, *, write: WriteOptions
) -> None:
    """Check a patch; raise VectorsNotFound if ids do not exist, RequestTooLarge if the ids are too many for it."""
    parse_filter(selection.filter)
    if _checked(service, name, deadline, write) is None or selection.ids is None:
        return
    if missing := _missing(service, name, selection, deadline):
        raise VectorsNotFound(name, missing)
    mutations.check_patch_size(patch.metadata, len(set(selection.ids)))


def _checked(service: Service, name: str, deadline: Deadline, write: WriteOptions) -> Params | None:
    """Return the parameters of an index; None if it records a write with the same key, which needs no more checks.

    Raises:
        IndexNotFound, PreconditionFailed, IdempotencyKeyReused
        RequestInvalid: the index is sharded, and the write has a precondition.
    """
    index = service.run(name, deadline, STRONG, lambda index: index)
    if isinstance(index, SingleIndex):
        params = index.index.params
        if write.key is not None and is_repeat(name, write.key, index.index):
            return None
    else:
        params = service.reader.present(name, deadline).index.params
    if write.precondition is not None:
        index.would_delete(Selection([]), write)  # it checks the precondition
    return params


def _missing(service: Service, name: str, selection: Selection, deadline: Deadline) -> Sequence[str]:
    """Return the selected ids that are not in the index."""
    ids = selection.ids or ()
    return service.run(name, deadline, STRONG, lambda index: index.get(ids, _IDS_ONLY)).missing
