"""Rows of an add to the items of its body."""

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any

from vectord_client.errors import ArgumentInvalid
from vectord_client.values import Row
from vectord_client.vector import pack


def items_of(
    rows: Iterable[Any] | None, ids: Iterable[str] | None, vectors: Iterable[Any] | None, metadata: Iterable[Any] | None
) -> Iterable[dict[str, Any]]:
    """Yield items of rows (tuples, mappings, `Row`), or of columns that have the same length."""
    if rows is not None:
        return (_item(row) for row in rows)
    if ids is None or vectors is None:
        raise ArgumentInvalid("Give rows, or both `ids` and `vectors`.")
    columns = zip(ids, vectors, repeat(None) if metadata is None else metadata, strict=metadata is not None)
    return (_item(row) for row in columns)


def _item(row: Any) -> dict[str, Any]:
    if isinstance(row, Row):
        row = (row.id, row.vector, row.metadata)
    if isinstance(row, Mapping):
        return {**row, "vector": pack(row["vector"])}
    vector_id, vector, *rest = row
    item = {"id": vector_id, "vector": pack(vector)}
    return {**item, "metadata": rest[0]} if rest and rest[0] is not None else item
