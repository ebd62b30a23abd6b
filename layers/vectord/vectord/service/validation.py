"""Check vectors and batches before anything changes."""

from collections.abc import Sequence
from typing import Final, TypeGuard

import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, BatchInvalid, RequestInvalid
from vectord.index.rows import Item
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.readers.entry import Components, Entry, NewVector

_BLOCK: Final = 128  # entries at a time: a processor's cache holds their matrix


def checked(entries: Sequence[Entry], index: Params) -> list[Item]:
    """Return the batch as items of float32 vectors.

    Raises:
        BatchInvalid: some entries are bad; it names each of them.
    """
    items: list[Item] = []
    for start in range(0, len(entries), _BLOCK):
        sound = _all_sound(entries[start : start + _BLOCK], index)
        if sound is None:
            return _one_by_one(entries, index)
        items += sound
    return items


def _all_sound(entries: Sequence[Entry], index: Params) -> list[Item] | None:
    """Return the items, rows of one matrix; None if an entry is bad."""
    good = [entry for entry in entries if isinstance(entry, NewVector) and len(entry.vector) == index.dimension]
    if len(good) < len(entries) or any(params.invalid_id_reason(entry.id) for entry in good):
        return None
    with np.errstate(over="ignore"):
        flat = np.concatenate([entry.vector for entry in good], dtype=np.float32, casting="unsafe")
    rows = flat.reshape(len(good), index.dimension)
    if not np.isfinite(rows).all() or (index.distance == "cosine" and not rows.any(axis=1).all()):
        return None
    # What is float32 already is not held twice.
    return [
        Item(entry.id, entry.vector if _is_narrow(entry.vector) else row, entry.metadata)
        for entry, row in zip(good, rows, strict=True)
    ]


def _is_narrow(vector: Components) -> TypeGuard[npt.NDArray[np.float32]]:
    return vector.dtype == np.float32


def _one_by_one(entries: Sequence[Entry], index: Params) -> list[Item]:
    items: list[Item] = []
    bad: list[BadItem] = []
    for position, entry in enumerate(entries):
        if isinstance(entry, BadItem):
            bad.append(entry)
            continue
        vector = narrow(entry.vector)
        if reason := params.invalid_id_reason(entry.id) or vector_fault(vector, index):
            bad.append(BadItem(position, entry.id, reason))
        else:
            items.append(Item(entry.id, vector, entry.metadata))
    if bad:
        raise BatchInvalid(bad)
    return items


def checked_query(vector: Components, index: Params) -> npt.NDArray[np.float32]:
    """Return the query as float32.

    Raises:
        RequestInvalid: it does not fit the index.
    """
    query = narrow(vector)
    if reason := vector_fault(query, index):
        raise RequestInvalid(reason)
    return query


def narrow(vector: Components) -> npt.NDArray[np.float32]:
    """Return `vector` as float32; what lies beyond its range becomes infinite, which `vector_fault` finds."""
    with np.errstate(over="ignore"):
        return vector.astype(np.float32)


def vector_fault(vector: npt.NDArray[np.float32], index: Params) -> str | None:
    """Return why `vector` cannot be in `index`, or None."""
    if len(vector) != index.dimension:
        return f"vector must have {index.dimension:,} components, not {len(vector):,}"
    finite = np.isfinite(vector)
    if not finite.all():
        return f"vector component {int(np.argmin(finite))} is not finite as float32 (at most 3.4e38)"
    if index.distance == "cosine" and not vector.any():
        return "vector is zero (as float32), which has no direction for cosine distance"
    return None
