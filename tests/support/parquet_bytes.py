"""Parquet files written by hand, so that their descriptions can lie: the compact protocol of Thrift, and pages.

A value is ("i", int), ("b", text), ("s", {field: value}) or ("l", [values]); a list may claim another length.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

TYPES = {"i": 6, "b": 8, "l": 9, "s": 12}
BYTE_ARRAY, FLOAT = 6, 4
GZIP = 2

type Value = tuple[str, Any]


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def claim(count: int) -> Value:
    """Return a list of structures that is empty and claims to have `count`."""
    return "claim", count


def encoded(value: Value) -> bytes:
    kind, content = value
    if kind == "i":
        return varint(content << 1 if content >= 0 else (-content << 1) - 1)
    if kind == "b":
        return varint(len(content)) + content.encode()
    if kind == "s":
        return structure(content)
    if kind == "claim":
        return bytes([0xF0 | TYPES["s"]]) + varint(content)
    item = TYPES[content[0][0]] if content else TYPES["s"]
    return bytes([0xF0 | item]) + varint(len(content)) + b"".join(map(encoded, content))


def structure(fields: Mapping[int, Value]) -> bytes:
    out = b""
    for number, value in sorted(fields.items()):
        out += bytes([TYPES.get(value[0], TYPES["l"])]) + varint(number << 1) + encoded(value)
    return out + b"\0"


def element(name: str, kind: int | None = None, repetition: int = 0, children: int | None = None) -> Value:
    fields: dict[int, Value] = {3: ("i", repetition), 4: ("b", name)}
    if kind is not None:
        fields[1] = ("i", kind)
    if children is not None:
        fields[5] = ("i", children)
    return "s", fields


SCHEMA = [
    element("schema", children=2),
    element("id", BYTE_ARRAY),
    element("vector", children=1),
    element("list", repetition=2, children=1),
    element("element", FLOAT),
]


def page(values: int, data: bytes, *, size: int | None = None) -> bytes:
    """Return a data page; `size` is what it claims to have decompressed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(data) + packer.flush()
    plain = ("s", {1: ("i", values), 2: ("i", 0), 3: ("i", 3), 4: ("i", 3)})
    header = {1: ("i", 0), 2: ("i", len(data) if size is None else size), 3: ("i", len(packed)), 5: plain}
    return structure(header) + packed


def file(pages: Sequence[bytes], values: int = 1, schema: Value = ("l", SCHEMA), groups: Value | None = None) -> bytes:
    """Return a file whose first column `id` has `pages`, with one row group of `values` rows."""
    column = {1: ("i", BYTE_ARRAY), 2: ("l", [("i", 0)]), 3: ("l", [("b", "id")]), 4: ("i", GZIP), 5: ("i", values)}
    sizes = {6: ("i", 1), 7: ("i", sum(map(len, pages))), 9: ("i", 4)}
    chunk = ("s", {2: ("i", 4), 3: ("s", {**column, **sizes})})
    group = ("s", {1: ("l", [chunk, chunk]), 2: ("i", 1), 3: ("i", values)})
    footer = structure({1: ("i", 1), 2: schema, 3: ("i", values), 4: groups or ("l", [group])})
    return b"PAR1" + b"".join(pages) + footer + struct.pack("<I", len(footer)) + b"PAR1"
