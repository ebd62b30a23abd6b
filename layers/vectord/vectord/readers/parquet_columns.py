"""Check the columns of a Parquet file, and write the SQL expressions that read them without loss.

DuckDB does not tell names apart that differ only in case, and renames the second one. The exact names are in its table
function `parquet_schema`.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vectord.errors import FileRefused

if TYPE_CHECKING:
    import duckdb

_COLUMNS: Final = ("id", "vector", "values", "metadata")
_INTEGERS: Final = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"}
)
_NUMBERS: Final = _INTEGERS | {"float", "double", "decimal"}
_TIMES: Final = frozenset(
    {"date", "time", "time_ns", "time with time zone", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"}
    | {"timestamp with time zone", "timestamptz_ns"}
)
_JSON_LEAVES: Final = _NUMBERS | _TIMES | {"boolean", "varchar", "uuid", "enum", "null"}
_MAX_LISTED: Final = 10  # unknown columns that a report lists
_MAX_DIGITS: Final = 38  # of DuckDB's decimals
_EXACT_DIGITS: Final = 16  # DuckDB writes decimals of fewer digits by way of a double: 5 as 5.0, 1.50 as 1.5


class Expressions(msgspec.Struct, frozen=True):
    """SQL expressions: id as text or as bytes of UTF-8, vector as a list of floats, metadata as JSON text.

    `component_bytes` is the size of one component of the vector.
    """

    id: str
    vector: str
    metadata: str
    component_bytes: int


class _Node(msgspec.Struct, frozen=True):
    """A column, or a field of one, with its exact name."""

    name: str
    fields: "Sequence[_Node]"


def expressions_of(connection: "duckdb.DuckDBPyConnection", path: str) -> Expressions:
    """Return how to read the columns of a file.

    Raises:
        FileRefused: it lacks a column, has another one, or has one of a type that is not read.
        duckdb.Error: the file is damaged.
    """
    rows = connection.execute("select name, num_children from parquet_schema($1)", [path]).fetchall()
    columns = _tree(iter(rows)).fields
    names = [column.name for column in columns]
    _check_names(names)
    relation = connection.sql("select * from read_parquet($1) limit 0", params=[path])
    if len(relation.types) != len(names):
        raise FileRefused("its schema is damaged")
    types = dict(zip(names, relation.types, strict=True))
    vector = "vector" if "vector" in types else "values"
    for column in columns:
        if column.name == "metadata":
            _check_fields(column, "metadata")
    kind = _component(vector, types[vector])
    size = 4 if kind == "float" else 8
    return Expressions(_id(types["id"]), f'"{vector}"::{kind}[]', _metadata(types.get("metadata")), size)


def _tree(rows: Iterator[tuple[str, int | None]]) -> _Node:
    """Return the tree whose nodes `rows` lists, each before its fields."""
    row = next(rows, None)
    if row is None:
        raise FileRefused("its schema is damaged")
    return _Node(row[0], [_tree(rows) for _ in range(row[1] or 0)])


def _check_names(names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in _COLUMNS]:
        raise FileRefused(
            "a Parquet file may have the columns id, vector (or values) and metadata, and this one also has "
            f"{', '.join(map(repr, unknown[:_MAX_LISTED]))}"
        )
    if len(set(names)) < len(names) or {"vector", "values"} <= set(names):
        raise FileRefused("it has a column twice, or both 'vector' and 'values'")
    if "id" not in names or not {"vector", "values"} & set(names):
        raise FileRefused("a Parquet file needs the columns 'id' and 'vector' (or 'values')")


def _check_fields(node: _Node, path: str) -> None:
    """Refuse fields that DuckDB would rename, or cannot name."""
    names = [field.name for field in node.fields]
    if "" in names:
        raise FileRefused(
            f"column {path} has a field without a name, which cannot be read; rename it, or write the metadata as JSON "
            "text"
        )
    lower = [name.encode().lower() for name in names]  # of ASCII letters only, as DuckDB compares
    for position, name in enumerate(names):
        if lower.index(lower[position]) < position:
            other = names[lower.index(lower[position])]
            raise FileRefused(
                f"column {path} has the fields {other!r} and {name!r}, which differ only in case; rename one, or "
                "write the metadata as JSON text"
            )
    for field in node.fields:
        _check_fields(field, f"{path}.{field.name}")


def _id(kind: Any) -> str:
    if str(kind) in {"VARCHAR", "BLOB"}:
        return '"id"'
    if kind.id in _INTEGERS or kind.id == "uuid" or (kind.id == "decimal" and dict(kind.children)["scale"] == 0):
        return '"id"::varchar'
    raise FileRefused(f"column id has the type {kind}; it must be text, bytes of UTF-8, integers or UUIDs")


def _component(name: str, kind: Any) -> str:
    """Return the type to which the components of a list are cast: float or double."""
    inner = dict(kind.children)["child"] if kind.id in {"list", "array"} else None
    if inner is None or inner.id not in _NUMBERS:
        raise FileRefused(f"column {name} has the type {kind}; it must be a list of numbers")
    return "float" if inner.id == "float" else "double"


def _metadata(kind: Any) -> str:
    if kind is None or kind.id == "null":
        return "null::varchar"
    if kind.id == "varchar":
        return '"metadata"::varchar'
    return f'to_json("metadata"::{_json_type(kind, "metadata")})::varchar'


def _json_type(kind: Any, path: str) -> str:
    """Return the type to which metadata is cast, so that DuckDB writes it as JSON without loss.

    Raises:
        FileRefused: JSON has no exact form for it.
    """
    if kind.id in {"list", "array"}:
        return f"{_json_type(dict(kind.children)['child'], f'{path}[]')}[]"
    if kind.id == "struct":
        fields = (f"{_quoted(name)} {_json_type(inner, f'{path}.{name}')}" for name, inner in kind.children)
        return f"struct({', '.join(fields)})"
    if kind.id == "map" and dict(kind.children)["key"].id == "varchar":
        return f"map(varchar, {_json_type(dict(kind.children)['value'], f'{path}.*')})"
    if kind.id == "decimal":
        return _decimal(kind, path)
    if kind.id not in _JSON_LEAVES:
        raise FileRefused(f"column {path} has the type {kind}, which has no form in JSON; write it as text")
    return str(kind)


def _decimal(kind: Any, path: str) -> str:
    """Return a decimal type that DuckDB writes with all its digits, and with one before the point: JSON has no .5."""
    digits, scale = dict(kind.children)["precision"], dict(kind.children)["scale"]
    if digits == scale == _MAX_DIGITS:
        raise FileRefused(f"column {path} has the type {kind}, which has no form in JSON; write it as text")
    return f"decimal({max(digits, scale + 1, _EXACT_DIGITS)},{scale})"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
