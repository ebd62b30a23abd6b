"""Read Parquet: columns `id`, `vector` or `values`, and optional `metadata` (JSON text, or any type that is JSON).

DuckDB reads it, because it has typed exceptions and a memory limit, and takes 69 MB unzipped (pyarrow 171 MB). arro3
(35 MB) was rejected, because it panics on a truncated file, which ends the process.
"""

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import METADATA_ERRORS, Entry, NewVector, metadata_of_text

if TYPE_CHECKING:
    import duckdb

_CONFIG: Final[dict[str, Any]] = {
    "threads": 1,
    "temp_directory": "",  # no temporary files: the space in /tmp is for sections
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_ID_TYPES: Final = {"VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER"}
_VECTOR_TYPES: Final = ("FLOAT[", "DOUBLE[", "BIGINT[", "INTEGER[", "SMALLINT[", "TINYINT[")


def entries_of_parquet(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of a Parquet file.

    Raises:
        FileRefused: it cannot be read, lacks a column, or its vectors decode to more than `limit` bytes.
    """
    import duckdb  # noqa: PLC0415  installed only in the functions that read and write files

    with tempfile.NamedTemporaryFile(prefix="vectord-upload-", suffix=".parquet") as file:
        file.write(data)
        file.flush()
        try:
            with duckdb.connect(config={**_CONFIG, "memory_limit": f"{limit}B"}) as connection:
                columns = _read_columns(connection, file.name, limit)
        except duckdb.Error as error:
            raise FileRefused(f"it cannot be read as Parquet ({type(error).__name__})") from error
    yield from (_entry(row, *values) for row, values in enumerate(zip(*columns, strict=True)))


def _read_columns(connection: "duckdb.DuckDBPyConnection", path: str, limit: int) -> list[list[Any]]:
    """Return the columns id, vector and metadata."""
    import duckdb  # noqa: PLC0415  as above

    types = {
        name: str(kind) for name, kind, *_ in connection.execute("describe from read_parquet($1)", [path]).fetchall()
    }
    vector = "vector" if "vector" in types else "values"
    if "id" not in types or vector not in types:
        raise FileRefused("a Parquet file needs the columns 'id' and 'vector' (or 'values')")
    if types["id"] not in _ID_TYPES or not types[vector].startswith(_VECTOR_TYPES):
        raise FileRefused(f"id of type {types['id']} and {vector} of type {types[vector]} are not text and numbers")
    metadata = {None: "null", "VARCHAR": "metadata"}.get(types.get("metadata"), "to_json(metadata)::varchar")
    columns = f"{vector}::{_float_type(types[vector])}[] as b, {metadata}::varchar as c from read_parquet($1)"
    rows = _query_number(connection, "select count(*) from read_parquet($1)", path)
    # If no vector is longer than its share of the limit, all vectors fit. Otherwise a second query adds up the lengths.
    share = limit // 8 // max(rows, 1)
    checked_query = f"select case when len({vector}) > {share} then error('long') else id::varchar end as a, {columns}"
    try:
        return _fetch_columns(connection, checked_query, path)
    except duckdb.InvalidInputException:
        if _query_number(connection, f"select sum(len({vector})) from read_parquet($1)", path) * 8 > limit:
            raise FileRefused(
                f"it decodes to more than {limit:,} bytes, which this function cannot hold; split it"
            ) from None
        return _fetch_columns(connection, f"select id::varchar as a, {columns}", path)


def _query_number(connection: "duckdb.DuckDBPyConnection", query: str, path: str) -> int:
    (number,) = connection.execute(query, [path]).fetchone() or (0,)
    return number or 0


def _fetch_columns(connection: "duckdb.DuckDBPyConnection", query: str, path: str) -> list[list[Any]]:
    arrays = connection.execute(query, [path]).fetchnumpy()
    return [arrays[name].tolist() for name in "abc"]  # a null is masked in the array and None in the list


def _float_type(vector_type: str) -> str:
    return "FLOAT" if vector_type.startswith("FLOAT[") else "DOUBLE"


def _entry(row: int, vector_id: Any, vector: Any, metadata: Any) -> Entry:
    if not isinstance(vector_id, str):
        return BadItem(row, None, "id is null")
    if type(vector) is not np.ndarray and (vector is None or np.ma.is_masked(vector)):
        return BadItem(row, vector_id, "vector is null, or a component of it is")
    try:
        text = metadata_of_text(metadata if isinstance(metadata, str) else None)
        return NewVector(vector_id, np.asarray(vector), text)
    except METADATA_ERRORS as error:
        return BadItem(row, vector_id, f"metadata: {error}")
