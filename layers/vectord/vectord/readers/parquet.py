"""Read Parquet: columns `id`, `vector` or `values`, and optional `metadata` (JSON text, or any type that is JSON).

DuckDB reads it, because it has typed exceptions and a memory limit, and takes 69 MB unzipped (pyarrow 171 MB). arro3
(35 MB) was rejected, because it panics on a truncated file, which ends the process.

A small file can decode to very much: a value is stored once and repeated by a count. So the counts of rows and of
components in the footer are compared with the limit first; ids and metadata are read in small batches; and components
of a vector of a wrong length are never read.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vectord.errors import BadItem, FileRefused
from vectord.lhv1.params import wrong_length_reason
from vectord.readers.duckdb_connection import locked_connection
from vectord.readers.entry import METADATA_ERRORS, Components, Entry, NewVector, check_rows, metadata_of_text, row_limit
from vectord.readers.malformed import metadata_reason
from vectord.readers.parquet_columns import expressions_of
from vectord.readers.parquet_footer import check_description

if TYPE_CHECKING:
    import duckdb

_BUFFERS: Final = 3  # times the limit: a page as stored, as decoded, and DuckDB rounds up to a power of two
_FETCHED: Final = 16  # rows whose ids and metadata become Python objects at once
_MAX_DETAIL: Final = 200  # characters of DuckDB's message

# Components in the footer: an empty or missing list counts as one.
_COMPONENTS: Final = """
    select sum(num_values) from parquet_metadata($1) where split_part(path_in_schema, ', ', 1) in ('vector', 'values')
"""


class _Row(NamedTuple):
    """The text of a row and the length of its vector; `metadata` is None if it has more than `longest` bytes."""

    id: str | bytes | None
    length: int | None
    metadata: str | None
    metadata_bytes: int


def entries_of_parquet(data: bytes, limit: int, dimension: int | None = None) -> Iterator[Entry]:
    """Yield the rows of a Parquet file.

    Raises:
        FileRefused: it cannot be read, lacks a column, has another one, or decodes to more than `limit` bytes.
    """
    import duckdb  # noqa: PLC0415  installed only in the functions that read and write files

    check_description(data, limit)
    with tempfile.NamedTemporaryFile(prefix="vectord-upload-", suffix=".parquet") as file:
        file.write(data)
        file.flush()
        del data  # DuckDB needs the memory
        try:
            with locked_connection(_BUFFERS * limit, files=[Path(file.name)]) as connection:
                yield from _rows(connection, file.name, limit, dimension)
        except duckdb.OutOfMemoryException as error:
            raise FileRefused("it needs more memory than this function has; split it") from error
        except duckdb.Error as error:
            raise FileRefused(f"it cannot be read as Parquet ({_detail(error, file.name)})") from error


def _detail(error: Exception, path: str) -> str:
    first_line = str(error).partition("\n")[0].replace(path, "the file")
    return first_line if len(first_line) <= _MAX_DETAIL else f"{first_line[:_MAX_DETAIL]}…"


def _rows(connection: "duckdb.DuckDBPyConnection", path: str, limit: int, dimension: int | None) -> Iterator[Entry]:
    found = expressions_of(connection, path)
    source = f"(select {found.id} as a, {found.vector} as b, {found.metadata} as c from read_parquet($1))"
    rows = _query_number(connection, "select count(*) from read_parquet($1)", path)
    check_rows(rows, limit)
    if _query_number(connection, _COMPONENTS, path) * found.component_bytes > limit:
        raise FileRefused(f"its vectors decode to more than {limit:,} bytes; split it")
    # The components of all vectors in one array: DuckDB would make an object of each vector.
    fitting = "b" if dimension is None else f"case when len(b) = {dimension} then b end"
    components = connection.execute(f"select unnest({fitting}) as b from {source}", [path]).fetchnumpy()["b"]
    missing = np.ma.getmaskarray(components) if np.ma.is_masked(components) else None
    numbers, start = np.ma.getdata(components), 0
    # Usually all vectors have the right length. Then their column is not read again for their lengths.
    length = "len(b)" if dimension is None or len(numbers) < rows * dimension else str(dimension)
    longest = row_limit(limit)
    size = 0
    for position, row in enumerate(_texts(connection, source, path, length, longest)):
        size += len(row.id or "") + row.metadata_bytes
        if size > limit:
            raise FileRefused(f"its ids and metadata decode to more than {limit:,} bytes; split it")
        stop = start + (row.length or 0 if dimension in (None, row.length) else 0)
        if stop > len(numbers):
            raise FileRefused("its vectors are damaged")
        has_null = missing is not None and bool(missing[start:stop].any())
        reason = _bad_vector_reason(row.length, dimension, has_null=has_null)
        yield _entry(position, row, reason or numbers[start:stop], longest)
        start = stop


def _texts(
    connection: "duckdb.DuckDBPyConnection", source: str, path: str, length: str, longest: int
) -> Iterator[_Row]:
    """Yield the texts of each row, with the value of `length`. Texts that are too long for a row are not fetched."""
    query = f"""
        select a, {length}, case when coalesce(strlen(c), 0) <= {longest} then c end, coalesce(strlen(c), 0)
        from (select case when strlen(a::varchar) <= {longest} then a end as a, b, c from {source})
    """
    rows = connection.execute(query, [path])
    while fetched := rows.fetchmany(_FETCHED):
        yield from (_Row(*row) for row in fetched)


def _query_number(connection: "duckdb.DuckDBPyConnection", query: str, path: str) -> int:
    (number,) = connection.execute(query, [path]).fetchone() or (0,)
    return number or 0


def _bad_vector_reason(length: int | None, dimension: int | None, *, has_null: bool) -> str | None:
    if length is None or has_null:
        return "vector is null, or a component of it is"
    return None if dimension is None else wrong_length_reason(length, dimension)


def _entry(position: int, row: _Row, vector: Components | str, longest: int) -> Entry:
    """Return the entry of a row; `vector` is the reason if it is not valid."""
    vector_id = row.id
    if vector_id is None:
        return BadItem(position, None, f"id is null, or has more than {longest:,} bytes")
    if isinstance(vector_id, bytes):
        try:
            vector_id = vector_id.decode()
        except UnicodeDecodeError:
            return BadItem(position, None, "id is not UTF-8")
    if isinstance(vector, str):
        return BadItem(position, vector_id, vector)
    if row.metadata_bytes > longest:
        return BadItem(
            position, vector_id, f"metadata has more than {longest:,} bytes, the limit of a row of this file"
        )
    try:
        return NewVector(vector_id, vector, metadata_of_text(row.metadata), position)
    except METADATA_ERRORS as error:
        return BadItem(position, vector_id, metadata_reason((row.metadata or "").encode(), error))
