"""Read the output of `Graph.Export` of github.com/coder/hnsw: its keys and vectors; edges are skipped.

int      signed zig-zag varint (Go's binary.PutVarint); so are all counts and lengths
string   its length in bytes, then the bytes
graph    int 1, the version of the encoding; int M; float64 little-endian Ml; int EfSearch; string distance; the layers
layers   their count; each: its count of nodes; each node: string key; int components; those as float32 little-endian;
         its count of neighbours; string key of each

Layer 0 comes first and has every node. A neighbour may not exist, because deletions left such edges.
Source: encode.go of that library, binaryWrite and Export.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt, BlobUnsupported

_ENCODING: Final = 1
_MAX_VARINT: Final = 10  # bytes of a varint of 64 bits
_MIN_NODE: Final = 3  # bytes: three counts of one byte
_TRUNCATED: Final = "its graph is truncated"


class ExportedGraph(msgspec.Struct, frozen=True):
    """The parameters of a graph, its keys in file order, and their vectors, float32 (keys, dimension).

    A graph without nodes has vectors of shape (0, 0).
    """

    m: int
    ef_search: int
    distance: str
    keys: Sequence[str]
    vectors: npt.NDArray[np.float32]


class _Nodes(msgspec.Struct, frozen=True):
    """The keys of nodes, the offset of each vector in the data, and its number of components."""

    keys: list[str]
    starts: list[int]
    sizes: list[int]


def decode(data: bytes) -> ExportedGraph:
    """Decode an exported graph. The memory it needs is a small multiple of the size of `data`.

    Raises:
        BlobCorrupt: `data` is not an exported graph, or is followed by other bytes.
        BlobUnsupported: it has another version of the encoding.
    """
    try:
        return _decode(data)
    except IndexError as error:  # every subscript reads `data`, so this is a read after its end
        raise BlobCorrupt(_TRUNCATED) from error


def _decode(data: bytes) -> ExportedGraph:
    version, at = _number(data, 0)
    if version != _ENCODING:
        raise BlobUnsupported(f"its graph has encoding version {version}; this vectord reads {_ENCODING}")
    m, at = _number(data, at)
    ef_search, at = _number(data, at + 8)
    distance, at = _text(data, at)
    layers, at = _count(data, at, 1)
    nodes = _Nodes([], [], [])
    for number in range(layers):
        layer, at = _layer(data, at)
        if number == 0:
            nodes = layer
    if at > len(data):
        raise BlobCorrupt(_TRUNCATED)
    if at < len(data):
        raise BlobCorrupt(f"its graph ends {len(data) - at:,} bytes before the object does")
    if len(set(nodes.keys)) != len(nodes.keys):
        # The writer kept nodes in a map, so it did not write this; to choose one of the two would lose the other.
        raise BlobCorrupt("a key is in its graph twice")
    return ExportedGraph(m, ef_search, distance, nodes.keys, _vectors(data, nodes))


def _layer(data: bytes, at: int) -> tuple[_Nodes, int]:
    nodes = _Nodes([], [], [])
    count, at = _count(data, at, _MIN_NODE)
    for _ in range(count):
        key, at = _text(data, at)
        size, at = _count(data, at, 4)
        nodes.keys.append(key)
        nodes.starts.append(at)
        nodes.sizes.append(size)
        neighbours, at = _count(data, at + 4 * size, 1)
        at = _skip_texts(data, at, neighbours)
    return nodes, at


def _vectors(data: bytes, nodes: _Nodes) -> npt.NDArray[np.float32]:
    dimension = nodes.sizes[0] if nodes.sizes else 0
    for key, size in zip(nodes.keys, nodes.sizes, strict=True):
        if size != dimension:
            raise BlobCorrupt(f"vector {key!r} of its graph has {size:,} components, but others have {dimension:,}")
    view = memoryview(data)
    packed = b"".join(view[start : start + 4 * dimension] for start in nodes.starts)
    vectors: npt.NDArray[np.float32] = np.frombuffer(packed, "<f4").astype(np.float32, copy=False)
    return vectors.reshape(len(nodes.keys), dimension)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a signed number, and the offset after it."""
    raw = 0
    for position in range(_MAX_VARINT):
        byte = data[at + position]
        raw |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return (raw >> 1) ^ -(raw & 1), at + position + 1
    raise BlobCorrupt("a number of its graph has more than 64 bits")


def _count(data: bytes, at: int, item_size: int) -> tuple[int, int]:
    """Return a count of items of at least `item_size` bytes, all of which fit in `data`, and the offset after it."""
    count, at = _number(data, at)
    if not 0 <= count * item_size <= len(data) - at:
        raise BlobCorrupt(f"its graph counts {count:,} items, but only {len(data) - at:,} bytes follow")
    return count, at


def _text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _count(data, at, 1)
    try:
        return str(data[at : at + size], "utf-8"), at + size
    except UnicodeDecodeError as error:
        raise BlobCorrupt("a key of its graph is not UTF-8") from error


def _skip_texts(data: bytes, at: int, count: int) -> int:
    """Return the offset after `count` texts. It is fast, because keys of neighbours are most of a graph's bytes."""
    for _ in range(count):
        byte = data[at]
        if byte & 0x81:  # negative, or longer than one byte
            size, at = _count(data, at, 1)
            at += size
        else:
            at += 1 + (byte >> 1)
    return at
