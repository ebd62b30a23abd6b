"""Refuse a write before it is queued: raise what the write would raise before it commits.

A write that passes may still be refused by a later state of the index. Each check returns the identity of the index,
so that the write changes no later index of its name.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import VectorNotFound, VectorsNotFound
from vectord.index import mutations
from vectord.lhv1.params import Params
from vectord.readers.entry import Entry
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import is_repeat
from vectord.service.indexes import VectorIndex
from vectord.service.service import Service
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import STRONG, Deadline, WriteOptions
from vectord.service.values.selection import Members, Patch, Selection, parse_filter
from vectord.service.values.validation import validated_items, validated_matrix, with_sparse

_IDS_ONLY: Final = Members(metadata=False, vectors=False)


class _Target(msgspec.Struct, frozen=True):
    """The index of a write; `is_repeat` if it records a write with the same key, which needs no more checks."""

    identity: str
    params: Params
    is_repeat: bool = False


def check_add(service: Service, name: str, entries: Sequence[Entry], deadline: Deadline, write: WriteOptions) -> str:
    """Check an add; raise BatchInvalid if some entries are not valid."""
    target = _checked(service, name, deadline, write)
    if target.is_repeat:
        return target.identity
    if isinstance(entries, EntryMatrix):
        validated_matrix(entries, target.params)
    else:
        validated_items(with_sparse(entries, target.params), target.params)
    return target.identity


def check_delete(service: Service, name: str, selection: Selection, deadline: Deadline, write: WriteOptions) -> str:
    """Check a deletion; raise VectorNotFound for the first vector that must exist and does not."""
    parse_filter(selection.filter)
    target = _checked(service, name, deadline, write)
    if selection.must_exist and not target.is_repeat and (missing := _missing(service, name, selection, deadline)):
        raise VectorNotFound(name, missing[0])
    return target.identity


def check_patch(
    service: Service, name: str, selection: Selection, patch: Patch, deadline: Deadline, *, write: WriteOptions
) -> str:
    """Check a patch; raise VectorsNotFound if ids do not exist, RequestTooLarge if the ids are too many for it."""
    parse_filter(selection.filter)
    target = _checked(service, name, deadline, write)
    if not target.is_repeat and selection.ids is not None:
        if missing := _missing(service, name, selection, deadline):
            raise VectorsNotFound(name, missing)
        mutations.check_patch_size(patch.metadata, len(set(selection.ids)))
    return target.identity


def identity_of(service: Service, name: str, deadline: Deadline) -> str:
    """Return the identity of an index; raise IndexNotFound if it does not exist."""
    return _opened(service, name, deadline)[1].identity


def _opened(service: Service, name: str, deadline: Deadline) -> tuple[VectorIndex, _Target]:
    index = service.run(name, deadline, STRONG, lambda index: index)
    if isinstance(index, SingleIndex):
        return index, _Target(mutations.identity_of(index.index), index.index.params)
    parent = service.reader.present(name, deadline).index
    return index, _Target(mutations.identity_of(parent), parent.params)


def _checked(service: Service, name: str, deadline: Deadline, write: WriteOptions) -> _Target:
    """Return the index of a write.

    Raises:
        IndexNotFound, PreconditionFailed, IdempotencyKeyReused
        RequestInvalid: the index is sharded, and the write has a precondition.
    """
    index, target = _opened(service, name, deadline)
    if isinstance(index, SingleIndex) and write.key is not None and is_repeat(name, write.key, index.index):
        return structs.replace(target, is_repeat=True)
    if write.precondition is not None:
        index.would_delete(Selection([]), write)  # it checks the precondition
    return target


def _missing(service: Service, name: str, selection: Selection, deadline: Deadline) -> Sequence[str]:
    """Return the selected ids that are not in the index."""
    ids = selection.ids or ()
    return service.run(name, deadline, STRONG, lambda index: index.get(ids, _IDS_ONLY)).missing
