"""The two ways to change an index: put items in, take ids out. Neither touches what the last build wrote."""

from collections.abc import Iterable

import numpy as np
from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.rows import Item
from vectord.index.state import Index


def upsert(index: Index, items: Iterable[Item]) -> tuple[Index, int, int]:
    """Return the index with `items` in it, and how many were added and replaced; of equal ids the last wins.

    An item without metadata leaves what is stored alone.
    """
    last = {item.id: item for item in items}
    if not last:
        return index, 0, 0
    held = index.find(list(last))
    kept = index.metadata_of({vector_id: row for vector_id, row in held.items() if last[vector_id].metadata is None})
    brought = {item.id: item.metadata for item in last.values() if item.metadata is not None}
    changed = _without(index, held)
    tail = changed.tail
    start = tail.first + len(tail)
    grown = structs.replace(
        tail,
        ids=(*tail.ids, *last),
        row_of={**tail.row_of, **{vector_id: start + place for place, vector_id in enumerate(last)}},
        metadata={**tail.metadata, **kept, **brought},
        fresh=_stacked(tail.fresh, [item.vector for item in last.values()]),
    )
    return structs.replace(changed, tail=grown), len(last) - len(held), len(held)


def remove(index: Index, ids: Iterable[str]) -> tuple[Index, int]:
    """Return the index without `ids`, and how many of those were there; the very same index if none was."""
    held = index.find(list(dict.fromkeys(ids)))
    return (_without(index, held) if held else index), len(held)


def _without(index: Index, held: dict[str, int]) -> Index:
    if not held:
        return index
    tail = structs.replace(
        index.tail,
        row_of={vector_id: row for vector_id, row in index.tail.row_of.items() if vector_id not in held},
        metadata={vector_id: value for vector_id, value in index.tail.metadata.items() if vector_id not in held},
    )
    return structs.replace(index, tail=tail, removed=index.removed | set(held.values()))


def _stacked(fresh: F32 | None, vectors: list[F32]) -> F32:
    added = np.array(vectors, np.float32)
    return added if fresh is None else np.concatenate([fresh, added])
