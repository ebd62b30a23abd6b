"""Turn DataFrames and Arrow tables into blocks, a part at a time. Their libraries are never imported for it."""

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from vectord_client.errors import ArgumentInvalid, MissingExtra
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.fields import Names, check_names, metadata_names
from vectord_client.rows.ids import column_ids
from vectord_client.rows.json_values import NotJson, Unreadable
from vectord_client.rows.metadata import checked_text, json_text, json_texts
from vectord_client.rows.pack import Shape, check_values

_PART_ROWS: Final = 2_048


class Part(Protocol):
    """Some rows of a frame."""

    names: list[str]

    def __len__(self) -> int: ...

    def values(self, name: str) -> list[Any]:
        """Return a column as Python's values; an empty cell (null, NaN, NaT) is None."""

    def packed(self, name: str, dimension: int | None) -> tuple[int, memoryview] | None:
        """Return the dimension and the float32 of a column of vectors, None if they must be looked at one by one."""


def is_frame(value: Any) -> bool:
    """Return True for a DataFrame (pandas, polars), a table, batch or reader of Arrow, or another stream of Arrow."""
    if _is_a(value, "pandas", "DataFrame") or _is_a(value, "polars", "DataFrame", "LazyFrame"):
        return True
    streams = hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")
    return streams and (hasattr(value, "columns") or hasattr(value, "schema"))


def frame_blocks(frame: Any, names: Names, shape: Shape, start: int = 0) -> Iterator[Block]:
    """Yield the rows of a frame as blocks; `start` is the position of its first row.

    Raises:
        ArgumentInvalid: a column is missing, or there twice.
    """
    for part in frame_parts(frame):
        resolved = check_names(part.names, names, _what(frame))
        yield part_block(part, resolved, shape, start)
        start += len(part)


def part_block(part: Part, names: Names, shape: Shape, start: int) -> Block:
    """Return rows of a frame, which has the columns `names`, as a block."""
    reasons: Reasons = {}
    ids = column_ids(part.values(names.id), reasons)
    texts = part_metadata(part, names, reasons)
    found = part.packed(names.vector, shape.dimension)
    if found is None or (shape.dimension is not None and found[0] != shape.dimension):
        return assemble(Columns(range(start, start + len(ids)), ids, part.values(names.vector), texts), shape, reasons)
    shape.check_length(found[0])
    check_values(found[1], len(part), shape, reasons)
    return assemble(Columns(range(start, start + len(ids)), ids, found[1], texts), shape, reasons)


def part_metadata(part: Part, names: Names, reasons: Reasons) -> list[bytes | None]:
    """Return the metadata of rows as JSON texts: of one column, or an object of several."""
    selected = metadata_names(part.names, names)
    if isinstance(selected, str):
        return _whole_texts(part.values(selected), reasons)
    if not selected:
        return [None] * len(part)
    return json_texts(_objects(part, selected), reasons)


def records(frame: Any) -> list[dict[str, Any] | None]:
    """Return the rows of a frame as dicts without empty cells."""
    return [record for part in frame_parts(frame) for record in _objects(part, part.names)]


def frame_parts(frame: Any) -> Iterator[Part]:
    """Yield the rows of a frame in parts of at most 2,048."""
    if _is_a(frame, "pandas", "DataFrame"):
        if frame.columns.nlevels > 1:
            raise ArgumentInvalid("the DataFrame has columns of several levels; join their names first")
        for first in range(0, len(frame), _PART_ROWS) or (0,):
            yield PandasPart(frame.iloc[first : first + _PART_ROWS])
        return
    if _is_a(frame, "polars", "LazyFrame"):
        frame = frame.collect()
    arrow = _arrow(frame)
    if arrow is None:
        for piece in frame.iter_slices(_PART_ROWS):
            yield PolarsPart(piece)
        return
    for batch in _arrow_batches(arrow, frame):
        for first in range(0, batch.num_rows, _PART_ROWS):
            yield ArrowPart(arrow, batch.slice(first, _PART_ROWS))


class PandasPart:
    """Rows of a pandas DataFrame."""

    def __init__(self, frame: Any) -> None:
        self.names = [str(name) for name in frame.columns]
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    def values(self, name: str) -> list[Any]:
        column = self._frame.iloc[:, self.names.index(name)]
        empty = column.isna()
        values = column.tolist()
        if not empty.any():
            return values  # type: ignore[no-any-return]
        return [None if missing else value for value, missing in zip(values, empty.tolist(), strict=True)]

    def packed(self, name: str, dimension: int | None) -> tuple[int, memoryview] | None:
        del name, dimension  # cells are objects
        return None


class PolarsPart:
    """Rows of a polars DataFrame, where pyarrow is not installed."""

    def __init__(self, frame: Any) -> None:
        self.names = list(frame.columns)
        self._frame = frame

    def __len__(self) -> int:
        return int(self._frame.height)

    def values(self, name: str) -> list[Any]:
        return without_nan(self._frame.get_column(name).to_list())

    def packed(self, name: str, dimension: int | None) -> tuple[int, memoryview] | None:
        del name, dimension
        return None


class ArrowPart:
    """Rows of an Arrow record batch."""

    def __init__(self, arrow: Any, batch: Any) -> None:
        self.names = list(batch.schema.names)
        self._arrow, self._batch = arrow, batch

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    def values(self, name: str) -> list[Any]:
        column = self._batch.column(self.names.index(name))
        try:
            return without_nan(column.to_pylist(maps_as_pydicts="strict"))
        except _UNREADABLE:  # at least one value; the others are read
            return without_nan([_read(scalar) for scalar in column])

    def packed(self, name: str, dimension: int | None) -> tuple[int, memoryview] | None:
        column, arrow = self._batch.column(self.names.index(name)), self._arrow
        kind, types = column.type, arrow.types
        if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
            return None
        number = types.is_floating(kind.value_type) or types.is_integer(kind.value_type)
        flat = column.flatten()
        if not number or column.null_count or flat.null_count or not len(column):
            return None
        length = len(flat) // len(column)
        if not types.is_fixed_size_list(kind) and column.value_lengths().unique().to_pylist() != [length]:
            return None
        if length == 0 or (dimension is not None and length != dimension):
            return None
        floats = flat.cast(arrow.float32(), safe=False)
        data = memoryview(floats.buffers()[1]).cast("B")
        return length, data[floats.offset * 4 : (floats.offset + len(floats)) * 4]


def _read(scalar: Any) -> Any:
    """Return the value of a scalar of Arrow, or what stands for one that Python cannot represent."""
    try:
        return scalar.as_py(maps_as_pydicts="strict")
    except _UNREADABLE as error:
        return Unreadable(str(error).partition("\n")[0])


# What Arrow raises for values beyond Python's, such as a time after the year 9999: ArrowInvalid is a ValueError.
_UNREADABLE: Final = (ValueError, OverflowError, KeyError)


def _objects(part: Part, names: Sequence[str]) -> list[dict[str, Any] | None]:
    columns = [part.values(name) for name in names]
    rows = zip(*columns, strict=True) if columns else iter([()] * len(part))
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} or None for row in rows]


def _whole_texts(values: list[Any], reasons: Reasons) -> list[bytes | None]:
    """Return the metadata of a column that has all of it: text is JSON, other values become JSON."""
    texts: list[bytes | None] = []
    for row, value in enumerate(values):
        try:
            if value is None or value == "":
                texts.append(None)
            else:
                texts.append(checked_text(value.encode()) if isinstance(value, str) else json_text(value))
        except (NotJson, UnicodeEncodeError) as error:
            texts.append(None)
            reasons.setdefault(row, str(error))
    return texts


def without_nan(values: list[Any]) -> list[Any]:
    """Return values with None in the place of NaN."""
    return [None if type(value) is float and math.isnan(value) else value for value in values]


def _arrow_batches(arrow: Any, frame: Any) -> Iterator[Any]:
    if isinstance(frame, arrow.RecordBatch):
        yield frame
    elif isinstance(frame, arrow.Table):
        yield from frame.to_batches()
    elif isinstance(frame, arrow.RecordBatchReader):
        yield from frame
    else:
        yield from arrow.RecordBatchReader.from_stream(frame)


def _arrow(frame: Any) -> Any:
    """Return the module pyarrow, None if it is not installed and the frame can do without it."""
    try:
        import pyarrow  # noqa: PLC0415 - heavy
    except ModuleNotFoundError:
        if _is_a(frame, "polars", "DataFrame"):
            return None
        raise MissingExtra(
            f"reading a {type(frame).__name__} needs pyarrow: pip install 'vectord-client[pandas]'"
        ) from None
    return pyarrow


def _is_a(value: Any, module: str, *names: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and isinstance(value, tuple(getattr(found, name) for name in names))


def _what(frame: Any) -> str:
    """Return what a frame is called in messages."""
    return "table" if "arrow" in type(frame).__module__ else "DataFrame"
