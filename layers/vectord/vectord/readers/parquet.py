"""Parquet: columns `id`, `vector` or `values`, and perhaps `metadata` (JSON text, or any type that JSON can say).

DuckDB reads it: 69 MB unzipped beside 171 of pyarrow, errors with types, and a bound on memory. arro3 (35 MB) was
refused: a file cut short ends its process by a panic.
"""

import tempfile
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import numpy as np

from vectord.errors import BadItem, FileRefused
from vectord.readers.arrays import BAD_METADATA, metadata_of_text
from vectord.readers.entry import Entry, NewVector

_CONFIG: Final[dict[str, Any]] = {
    "threads": 1,
    "temp_directory": "",  # no spilling: /tmp belongs to graphs
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_ID_TYPES: Final = {"VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER"}
_VECTOR_TYPES: Final = ("FLOAT[", "DOUBLE[", "BIGINT[", "INTEGER[", "SMALLINT[", "TINYINT[")


def entries_of_parquet(data: bytes, most: int) -> Iterator[Entry]:
    """Yield the rows of a Parquet file.

    Raises:
        FileRefused: it cannot be read, lacks a column, or its vectors take more than `most` bytes.
    """
    with tempfile.NamedTemporaryFile(prefix="vectord-upload-", suffix=".parquet") as file:
        file.write(data)
        file.flush()
        try:
            with duckdb.connect(config={**_CONFIG, "memory_limit": f"{most}B"}) as connection:
                columns = _columns(connection, file.name, most)
        except duckdb.Error as error:
            raise FileRefused(f"it cannot be read as Parquet ({type(error).__name__})") from error
    yield from (_entry(row, *values) for row, values in enumerate(zip(*columns, strict=True)))


def _columns(connection: duckdb.DuckDBPyConnection, path: str, most: int) -> list[list[Any]]:
    types = {
        name: str(kind) for name, kind, *_ in connection.execute("describe from read_parquet($1)", [path]).fetchall()
    }
    vector = "vector" if "vector" in types else "values"
    if "id" not in types or vector not in types:
        raise FileRefused("a Parquet file needs the columns 'id' and 'vector' (or 'values')")
    if types["id"] not in _ID_TYPES or not types[vector].startswith(_VECTOR_TYPES):
        raise FileRefused(f"id of type {types['id']} and {vector} of type {types[vector]} are not text and numbers")
    metadata = {None: "null", "VARCHAR": "metadata"}.get(types.get("metadata"), "to_json(metadata)::varchar")
    columns = f"{vector}::{_narrowed(types[vector])}[] as b, {metadata}::varchar as c from read_parquet($1)"
    rows = _number(connection, "select count(*) from read_parquet($1)", path)
    # Vectors of which none is longer than its share fit together. Else only a pass of its own can tell.
    fair = most // 8 // max(rows, 1)
    guarded = f"select case when len({vector}) > {fair} then error('long') else id::varchar end as a, {columns}"
    try:
        return _fetched(connection, guarded, path)
    except duckdb.InvalidInputException:
        if _number(connection, f"select sum(len({vector})) from read_parquet($1)", path) * 8 > most:
            raise FileRefused(f"it decodes to more than {most:,} bytes, which do not fit here; split it") from None
        return _fetched(connection, f"select id::varchar as a, {columns}", path)


def _number(connection: duckdb.DuckDBPyConnection, query: str, path: str) -> int:
    (number,) = connection.execute(query, [path]).fetchone() or (0,)
    return number or 0


def _fetched(connection: duckdb.DuckDBPyConnection, query: str, path: str) -> list[list[Any]]:
    found = connection.execute(query, [path]).fetchnumpy()
    return [found[name].tolist() for name in "abc"]  # the arrays are masked where a row is null; the lists have None


def _narrowed(kind: str) -> str:
    return "FLOAT" if kind.startswith("FLOAT[") else "DOUBLE"


def _entry(row: int, name: Any, vector: Any, metadata: Any) -> Entry:
    named = name if isinstance(name, str) else None
    if named is None:
        return BadItem(row, None, "id is null")
    if type(vector) is not np.ndarray and (vector is None or np.ma.is_masked(vector)):
        return BadItem(row, named, "vector is null, or a component of it is")
    try:
        return NewVector(named, np.asarray(vector), metadata_of_text(metadata if isinstance(metadata, str) else None))
    except BAD_METADATA as error:
        return BadItem(row, named, f"metadata: {error}")
