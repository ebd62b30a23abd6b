"""Turn every form of rows into blocks: tuples, dicts, objects, DataFrames, Arrow tables, iterables of them, columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows import columns, frames
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, InvalidRows, Reasons
from vectord_client.rows.fields import Names, metadata_names, no_field, vector_name
from vectord_client.rows.metadata import json_texts
from vectord_client.rows.pack import Shape

ROWS_A_BLOCK: Final = 512  # of rows that come one by one


class _Row(msgspec.Struct):
    id: Any
    vector: Any
    metadata: Any
    reason: str | None = None


def add_blocks(
    rows: Any = None,
    *,
    ids: Any = None,
    vectors: Any = None,
    metadata: Any = None,
    names: Names = Names(),  # noqa: B008 - a frozen value
    shape: Shape | None = None,
) -> list[Block]:
    """Return the rows of an add: `rows` in any form, or columns `ids`, `vectors` and `metadata`.

    Raises:
        InvalidRows: some rows are not valid; the error lists them all.
        ArgumentInvalid: the input is not rows: the message says what is missing.
    """
    shape = shape or Shape()
    if rows is None:
        found = list(columns.column_blocks(ids, vectors, metadata, shape))
    elif ids is not None or vectors is not None or (metadata is not None and not frames.is_frame(rows)):
        raise ArgumentInvalid("give either rows, or ids= and vectors= (with metadata=), not both")
    else:
        found = list(row_blocks(rows, names, shape))
    if bad := [row for block in found for row in block.bad]:
        raise InvalidRows(bad)
    return found


def row_blocks(rows: Any, names: Names, shape: Shape) -> Iterator[Block]:
    """Yield rows in any form as blocks, in bounded memory if `rows` is an iterator.

    Raises:
        ArgumentInvalid: the input is not rows.
    """
    start, pending = 0, list[_Row]()
    for part in _parts(rows, names):
        if isinstance(part, _Row):
            pending.append(part)
            if len(pending) < ROWS_A_BLOCK:
                continue
            block, pending = _block(start, pending, shape), []
            start += ROWS_A_BLOCK
            yield block
            continue
        if pending:
            yield _block(start, pending, shape)
            start, pending = start + len(pending), []
        for block in frames.frame_blocks(part, names, shape, start):
            start += len(block) + len(block.bad)
            yield block
    if pending:
        yield _block(start, pending, shape)


def _parts(rows: Any, names: Names) -> Iterator[Any]:
    """Yield single rows as `_Row`, and frames as they are."""
    if frames.is_frame(rows):
        yield rows
    elif isinstance(rows, Mapping):
        yield from _of_mapping(rows, names)
    elif _is_row(rows):
        yield _row(rows, names)
    elif isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        raise ArgumentInvalid(
            f"rows cannot be a value of type {type(rows).__name__}; give tuples (id, vector, metadata), dicts, "
            "a DataFrame, an Arrow table, or an iterable of these. A file is loaded by load(path)."
        )
    else:
        for row in rows:
            if frames.is_frame(row):
                yield row
            elif isinstance(row, list | tuple) and not _is_row(row) and (not row or _holds_rows(row[0])):
                yield from _parts(row, names)
            else:
                yield _row(row, names)


def _holds_rows(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_row(value) or frames.is_frame(value)


def _of_mapping(rows: Mapping[Any, Any], names: Names) -> Iterator[Any]:
    """Yield the row of a dict, or the rows of a dict of columns."""
    if names.id not in rows:
        raise ArgumentInvalid(no_field("dict", "field", names.id, "id", rows))
    ids = rows[names.id]
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        yield _row(rows, names)
        return
    listed = {name: list(column) for name, column in rows.items()}
    lengths = {name: len(column) for name, column in listed.items()}
    if len(set(lengths.values())) > 1:
        raise ArgumentInvalid(f"the columns have different lengths: {lengths}")
    for place in range(lengths[names.id]):
        yield _row({name: column[place] for name, column in listed.items()}, names)


def _is_row(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return len(value) in (2, 3) and isinstance(value[0], str)
    return hasattr(value, "id") and hasattr(value, "vector")


def _row(value: Any, names: Names) -> _Row:
    if isinstance(value, Mapping):
        return _of_fields(value, names)
    if isinstance(value, tuple | list):
        if len(value) not in (2, 3):
            reason = f"a row is (id, vector) or (id, vector, metadata), and this one has {len(value)} values"
            return _Row(value[0] if value else None, None, None, reason)
        return _Row(value[0], value[1], value[2] if len(value) == 3 else None)
    if hasattr(value, "id") and hasattr(value, "vector"):
        return _Row(value.id, value.vector, getattr(value, "metadata", None))
    return _Row(
        None, None, None, f"a row is a tuple, a dict or has .id and .vector; this one is a {type(value).__name__}"
    )


def _of_fields(fields: Mapping[Any, Any], names: Names) -> _Row:
    names = structs.replace(names, vector=vector_name(fields, names.vector))
    row_id = fields.get(names.id)
    for name, parameter in ((names.id, "id"), (names.vector, "vector")):
        if name not in fields:
            return _Row(row_id, None, None, no_field("row", "field", name, parameter, fields))
    try:
        return _Row(row_id, fields[names.vector], _metadata(fields, names))
    except ValueError as error:
        return _Row(row_id, None, None, str(error))


def _metadata(fields: Mapping[Any, Any], names: Names) -> Any:
    selected = metadata_names(list(fields), names)
    if isinstance(selected, str):
        return fields.get(selected)
    return {name: fields[name] for name in selected if name in fields} or None


def _block(start: int, rows: Sequence[_Row], shape: Shape) -> Block:
    reasons: Reasons = {place: row.reason for place, row in enumerate(rows) if row.reason}
    texts = json_texts([row.metadata for row in rows], reasons)
    found = Columns(range(start, start + len(rows)), [row.id for row in rows], [row.vector for row in rows], texts)
    return assemble(found, shape, reasons)
