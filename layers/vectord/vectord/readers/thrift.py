"""Decode Thrift's compact protocol, with which Parquet files describe themselves, without trusting a claimed length.

Format: doc/specs/thrift-compact-protocol.md in https://github.com/apache/thrift
"""

from typing import Final

from vectord.errors import FileRefused

type Value = int | bytes | list["Value"] | "Struct"
type Struct = dict[int, Value]
"""The values of a structure by the number of their field."""

_MAX_DEPTH: Final = 32  # the structures of Parquet have 8 levels
_MAX_VARINT: Final = 10  # bytes
_DAMAGED: Final = "it cannot be read as Parquet (its description of itself is damaged)"

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = (4, 5, 6)


class Decoder:
    """Decodes structures of `data` from position `at` on, up to `fields` fields in all."""

    def __init__(self, data: bytes | memoryview, at: int, fields: int) -> None:
        self._data, self.at, self._left = data, at, fields

    def struct(self, depth: int = 0) -> Struct:
        """Decode the next structure.

        Raises:
            FileRefused: it is damaged, or has too many fields.
        """
        _check_depth(depth)
        found: Struct = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else _signed(self._varint())
            self._count(1)
            kind = head & 15
            found[number] = int(kind == _TRUE) if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Value:
        if kind in _INTEGERS:
            return _signed(self._varint())
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth + 1)
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list, a boolean is a byte
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise FileRefused(_DAMAGED)  # a map, which Parquet does not use

    def _list(self, depth: int) -> list[Value]:
        _check_depth(depth)
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        self._count(count)
        return [self._value(head & 15, depth) for _ in range(count)]

    def _count(self, fields: int) -> None:
        self._left -= fields
        if self._left < 0:
            raise FileRefused("it describes too many row groups, columns or pages; write larger row groups")

    def _bytes(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self._data):
            raise FileRefused(_DAMAGED)
        return bytes(self._data[self.at - size : self.at])

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _varint(self) -> int:
        value = 0
        for place in range(_MAX_VARINT):
            byte = self._byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise FileRefused(_DAMAGED)


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise FileRefused(_DAMAGED)


def _signed(value: int) -> int:
    """Undo the zigzag encoding."""
    return (value >> 1) ^ -(value & 1)
