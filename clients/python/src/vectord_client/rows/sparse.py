"""Put the sparse vectors of an add beside its rows: one for each row, or a column for each declared name."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec
from msgspec import structs

from vectord_client.errors import ArgumentInvalid, BadItem
from vectord_client.rows.block import Block, InvalidRows
from vectord_client.rows.columns import as_list
from vectord_client.sparse_values import sparse_vector


def with_sparse(blocks: Sequence[Block], sparse: Any) -> list[Block]:
    """Return blocks of valid rows with their sparse vectors; `sparse` is None if they have none.

    `sparse` has one value for each row: a sparse vector, a dict with one for each of some names, or None. A dict of
    lists by name has a column for each name. For one row it may be the value itself.

    Raises:
        InvalidRows: A value is neither; the error lists its rows.
        ArgumentInvalid: There are more or fewer values than rows.
    """
    if sparse is None:
        return list(blocks)
    ids = [row_id for block in blocks for row_id in block.ids]
    values = _of_rows(sparse, len(ids))
    if len(values) != len(ids):
        raise ArgumentInvalid(f"There are {len(ids):,} rows and {len(values):,} sparse vectors.")
    texts: list[bytes | None] = []
    bad: list[BadItem] = []
    for row, value in enumerate(values):
        try:
            texts.append(None if value is None else msgspec.json.encode(_value(value)))
        except (ArgumentInvalid, TypeError) as error:
            bad.append(BadItem(row, ids[row], str(error)))
    if bad:
        raise InvalidRows(bad)
    given = iter(texts)
    return [structs.replace(block, sparse=[next(given) for _ in block.ids]) for block in blocks]


def _of_rows(sparse: Any, count: int) -> list[Any]:
    """Return one value for each row."""
    if not isinstance(sparse, Mapping):
        is_one = count == 1 and isinstance(sparse, tuple) and len(sparse) == 2
        return [sparse] if is_one or isinstance(sparse, str) else as_list(sparse)
    if not _is_by_name(sparse) or all(isinstance(value, Mapping | tuple) or value is None for value in sparse.values()):
        return [sparse]
    columns = {name: as_list(column) for name, column in sparse.items()}
    if lengths := {name: len(column) for name, column in columns.items() if len(column) != count}:
        raise ArgumentInvalid(f"There are {count:,} rows, and columns of sparse vectors with others: {lengths}.")
    of_rows = [
        {name: column[row] for name, column in columns.items() if column[row] is not None} for row in range(count)
    ]
    return [each or None for each in of_rows]


def _is_by_name(value: Mapping[Any, Any]) -> bool:
    return bool(value) and "indices" not in value and all(isinstance(name, str) for name in value)


def _value(given: Any) -> dict[str, Any]:
    """Return the member `sparse` of one row."""
    if isinstance(given, Mapping) and _is_by_name(given):
        return {name: _vector(value, f"sparse.{name}") for name, value in given.items()}
    return _vector(given, "sparse")


def _vector(given: Any, place: str) -> dict[str, Any]:
    found = sparse_vector(given)
    for at, value in enumerate(found["values"]):
        if isinstance(value, float) and not isfinite(value):
            raise ArgumentInvalid(f"{place}.values[{at}] is {value}, which JSON does not have")
    return found
