"""Check the footer of a Parquet file before DuckDB decodes it.

The footer is a structure in Thrift's compact protocol: the schema, and a description of each column in each row group.
DuckDB allocates what the footer claims, and works for minutes if it describes 100,000 columns. So the fields are
counted first, and the length of each list is compared with the bytes that are left.
Formats: https://parquet.apache.org/docs/file-format/ and Thrift's doc/specs/thrift-compact-protocol.md.
"""

from typing import Final

from vectord.errors import FileRefused

_MAGIC: Final = b"PAR1"
_MAX_BYTES: Final = 16 << 20
_MAX_FIELDS: Final = 500_000  # about 20 for each column in a row group
_MAX_COLUMNS: Final = 1_000  # with the fields of typed metadata
_MAX_DEPTH: Final = 32  # of structures; the format has 8
_MAX_VARINT: Final = 10  # bytes
_DAMAGED: Final = "it cannot be read as Parquet (its footer is damaged)"

_FIXED: Final = {1: 0, 2: 0, 3: 1, 7: 8}  # bytes of a field by type: true, false, byte, double
_BOOLEANS: Final = (1, 2)
_INTEGERS: Final = (4, 5, 6)
_BINARY, _LIST, _SET, _STRUCT = 8, 9, 10, 12
_SCHEMA: Final = 2  # the field of the outermost structure that lists the columns


def check_footer(data: bytes) -> None:
    """Raise FileRefused if the footer is damaged, or describes more columns and row groups than can be read."""
    size = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != _MAGIC or data[:4] != _MAGIC or size > len(data) - 12:
        raise FileRefused("it cannot be read as Parquet (it is truncated, or not a Parquet file)")
    if size > _MAX_BYTES:
        raise FileRefused(f"its footer has more than {_MAX_BYTES:,} bytes; write larger row groups")
    try:
        _Walk(data[len(data) - 8 - size : -8]).outermost()
    except IndexError as error:
        raise FileRefused(_DAMAGED) from error


class _Walk:
    """Goes through a structure in the compact protocol and counts its fields."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._fields = data, 0, 0

    def outermost(self) -> None:
        self._struct(0)

    def _struct(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise FileRefused(_DAMAGED)
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._varint() >> 1
            self._count(1)
            kind = head & 15
            if not depth and number == _SCHEMA and kind == _LIST:
                self._check_columns()
            self._value(kind, depth)

    def _check_columns(self) -> None:
        start = self._at
        count, _ = self._list_head()
        self._at = start
        if count > _MAX_COLUMNS:
            raise FileRefused(f"it has more than {_MAX_COLUMNS:,} columns, with the fields of its metadata")

    def _value(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._varint()
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind == _STRUCT:
            self._struct(depth + 1)
        elif kind in (_LIST, _SET):
            count, item = self._list_head()
            if item in _BOOLEANS:  # a byte each in a list
                self._skip(count)
                return
            for _ in range(count):
                self._value(item, depth + 1)
        elif kind in _FIXED:
            self._skip(_FIXED[kind])
        else:
            raise FileRefused(_DAMAGED)  # maps, which the footer of Parquet does not have

    def _list_head(self) -> tuple[int, int]:
        """Return the length of a list and the type of its items."""
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self._data) - self._at:
            raise FileRefused(_DAMAGED)  # each item has one byte or more
        self._count(count)
        return count, head & 15

    def _count(self, fields: int) -> None:
        self._fields += fields
        if self._fields > _MAX_FIELDS:
            raise FileRefused("its footer describes too many row groups and columns; write larger row groups")

    def _skip(self, size: int) -> None:
        self._at += size
        if self._at > len(self._data):
            raise FileRefused(_DAMAGED)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = 0
        for place in range(_MAX_VARINT):
            byte = self._byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise FileRefused(_DAMAGED)
