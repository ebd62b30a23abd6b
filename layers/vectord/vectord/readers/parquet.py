"""Read Parquet: columns `id`, `vector` or `values`, and optional `metadata` (JSON text, or any type that is JSON).

DuckDB reads it, because it has typed exceptions and a memory limit, and takes 69 MB unzipped (pyarrow 171 MB). arro3
(35 MB) was rejected, because it panics on a truncated file, which ends the process.
"""

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import METADATA_ERRORS, ROW_BYTES, Entry, NewVector, metadata_of_text
from vectord.readers.malformed import metadata_reason
from vectord.readers.parquet_columns import expressions_of

if TYPE_CHECKING:
    import duckdb

_CONFIG: Final[dict[str, Any]] = {
    "threads": 1,
    "temp_directory": "",  # no temporary files: the space in /tmp is for sections
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_MAX_DETAIL: Final = 200  # characters of DuckDB's message
_SIZE: Final = "coalesce(len(b), 0) * 8 + coalesce(strlen(a::varchar), 0) + coalesce(strlen(c), 0)"


def entries_of_parquet(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of a Parquet file.

    Raises:
        FileRefused: it cannot be read, lacks a column, has another one, or decodes to more than `limit` bytes.
    """
    import duckdb  # noqa: PLC0415  installed only in the functions that read and write files

    with tempfile.NamedTemporaryFile(prefix="vectord-upload-", suffix=".parquet") as file:
        file.write(data)
        file.flush()
        try:
            with duckdb.connect(config={**_CONFIG, "memory_limit": f"{limit}B"}) as connection:
                connection.execute("set TimeZone = 'UTC'")  # in which times are written
                columns = _read_columns(connection, file.name, limit)
        except duckdb.OutOfMemoryException as error:
            raise FileRefused("it needs more memory than this function has; split it") from error
        except duckdb.Error as error:
            raise FileRefused(f"it cannot be read as Parquet ({_detail(error, file.name)})") from error
    yield from (_entry(row, *values) for row, values in enumerate(zip(*columns, strict=True)))


def _detail(error: Exception, path: str) -> str:
    first_line = str(error).partition("\n")[0].replace(path, "the file")
    return first_line if len(first_line) <= _MAX_DETAIL else f"{first_line[:_MAX_DETAIL]}…"


def _read_columns(connection: "duckdb.DuckDBPyConnection", path: str, limit: int) -> list[list[Any]]:
    """Return the columns id, vector and metadata."""
    import duckdb  # noqa: PLC0415  as above

    found = expressions_of(connection, path)
    rows = _query_number(connection, "select count(*) from read_parquet($1)", path)
    if rows * ROW_BYTES > limit:
        raise FileRefused(f"it has {rows:,} rows, which this function cannot hold; split it")
    source = f"(select {found.id} as a, {found.vector} as b, {found.metadata} as c from read_parquet($1))"
    # If no row is larger than its share of the limit, all rows fit. Otherwise a second query adds up the sizes.
    share = limit // max(rows, 1)
    try:
        query = f"select case when {_SIZE} > {share} then error('large') else a end as a, b, c from {source}"
        return _fetch_columns(connection, query, path)
    except duckdb.InvalidInputException:
        if _query_number(connection, f"select sum({_SIZE}) from {source}", path) > limit:
            raise FileRefused(
                f"it decodes to more than {limit:,} bytes, which this function cannot hold; split it"
            ) from None
        return _fetch_columns(connection, f"select a, b, c from {source}", path)


def _query_number(connection: "duckdb.DuckDBPyConnection", query: str, path: str) -> int:
    (number,) = connection.execute(query, [path]).fetchone() or (0,)
    return number or 0


def _fetch_columns(connection: "duckdb.DuckDBPyConnection", query: str, path: str) -> list[list[Any]]:
    arrays = connection.execute(query, [path]).fetchnumpy()
    return [arrays[name].tolist() for name in "abc"]  # a null is masked in the array and None in the list


def _entry(row: int, vector_id: str | bytearray | None, vector: Any, metadata: str | None) -> Entry:
    if vector_id is None:
        return BadItem(row, None, "id is null")
    if isinstance(vector_id, bytearray):
        try:
            vector_id = vector_id.decode()
        except UnicodeDecodeError:
            return BadItem(row, None, "id is not UTF-8")
    if type(vector) is not np.ndarray and (vector is None or np.ma.is_masked(vector)):
        return BadItem(row, vector_id, "vector is null, or a component of it is")
    try:
        return NewVector(vector_id, np.asarray(vector), metadata_of_text(metadata), row)
    except METADATA_ERRORS as error:
        return BadItem(row, vector_id, metadata_reason((metadata or "").encode(), error))
