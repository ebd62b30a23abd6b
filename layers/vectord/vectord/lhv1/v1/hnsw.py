"""What `Graph.Export` of github.com/coder/hnsw writes, read for its keys and vectors; the edges are stepped over.

int      signed zig-zag varint (Go's binary.PutVarint); so are all counts and lengths
string   its length in bytes, then the bytes
graph    int 1, the encoding's version; int M; float64 little-endian Ml; int EfSearch; string distance; the layers
layers   their count; each: its count of nodes; each node: string key; int components; those as float32 little-endian;
         its count of neighbours; string key of each

Layer 0 comes first and holds every node. A neighbour need not exist: deletes left such edges behind.
Source: encode.go of that library, binaryWrite and Export.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt, BlobUnsupported

_ENCODING: Final = 1
_LONGEST: Final = 10  # bytes of a varint of 64 bits
_LEAST_NODE: Final = 3  # bytes: three counts of one byte


class Exported(msgspec.Struct, frozen=True):
    """The graph's parameters, its keys in the order of the file, and their vectors, float32 (keys, dimension).

    A graph without nodes has no dimension, and vectors of shape (0, 0).
    """

    m: int
    ef_search: int
    distance: str
    keys: Sequence[str]
    vectors: npt.NDArray[np.float32]


def decode(data: bytes) -> Exported:
    """Return what the bytes of an export hold; they take no more memory than a few times their length.

    Raises:
        BlobCorrupt: they are not what an export is, to their very end.
        BlobUnsupported: they are of another version of the encoding.
    """
    try:
        return _decoded(data)
    except IndexError as error:  # the only subscripts are of bytes behind the last one
        raise BlobCorrupt(_CUT_OFF) from error


_CUT_OFF: Final = "its graph is cut off"


def _decoded(data: bytes) -> Exported:
    version, at = _number(data, 0)
    if version != _ENCODING:
        raise BlobUnsupported(f"its graph has version {version} of the encoding; this vectord reads {_ENCODING}")
    m, at = _number(data, at)
    ef_search, at = _number(data, at + 8)
    distance, at = _text(data, at)
    layers, at = _count(data, at, 1)
    nodes = _Nodes([], [], [])
    for number in range(layers):
        nodes_here, at = _layer(data, at)
        if number == 0:
            nodes = nodes_here
    if at > len(data):
        raise BlobCorrupt(_CUT_OFF)
    if at < len(data):
        raise BlobCorrupt(f"its graph ends {len(data) - at:,} bytes before the object does")
    if len(set(nodes.keys)) != len(nodes.keys):
        # The writer kept nodes in a map: it cannot have written this, and to take either would lose the other.
        raise BlobCorrupt("a key is in its graph twice")
    return Exported(m, ef_search, distance, nodes.keys, _vectors(data, nodes))


class _Nodes(msgspec.Struct, frozen=True):
    """Keys, and for each where its vector starts in the bytes and how many components it has."""

    keys: list[str]
    starts: list[int]
    sizes: list[int]


def _layer(data: bytes, at: int) -> tuple[_Nodes, int]:
    nodes = _Nodes([], [], [])
    count, at = _count(data, at, _LEAST_NODE)
    for _ in range(count):
        key, at = _text(data, at)
        size, at = _count(data, at, 4)
        nodes.keys.append(key)
        nodes.starts.append(at)
        nodes.sizes.append(size)
        neighbours, at = _count(data, at + 4 * size, 1)
        at = _behind_texts(data, at, neighbours)
    return nodes, at


def _vectors(data: bytes, nodes: _Nodes) -> npt.NDArray[np.float32]:
    dimension = nodes.sizes[0] if nodes.sizes else 0
    for key, size in zip(nodes.keys, nodes.sizes, strict=True):
        if size != dimension:
            raise BlobCorrupt(f"vector {key!r} of its graph has {size:,} components, where others have {dimension:,}")
    view = memoryview(data)
    packed = b"".join(view[start : start + 4 * dimension] for start in nodes.starts)
    vectors: npt.NDArray[np.float32] = np.frombuffer(packed, "<f4").astype(np.float32, copy=False)
    return vectors.reshape(len(nodes.keys), dimension)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a signed number, and where it ends."""
    raw = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        raw |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (raw >> 1) ^ -(raw & 1), at + place + 1
    raise BlobCorrupt("a number of its graph has more than 64 bits")


def _count(data: bytes, at: int, least: int) -> tuple[int, int]:
    """Return how many things of at least so many bytes follow, and where they start; there is room for all of them."""
    count, at = _number(data, at)
    if not 0 <= count * least <= len(data) - at:
        raise BlobCorrupt(f"its graph counts {count:,} where {len(data) - at:,} bytes are left")
    return count, at


def _text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _count(data, at, 1)
    try:
        return str(data[at : at + size], "utf-8"), at + size
    except UnicodeDecodeError as error:
        raise BlobCorrupt("a key of its graph is not UTF-8") from error


def _behind_texts(data: bytes, at: int, count: int) -> int:
    """Return where `count` texts end; most bytes of a graph but the vectors are these."""
    for _ in range(count):
        byte = data[at]
        if byte & 0x81:  # negative, or of more bytes than this one
            size, at = _count(data, at, 1)
            at += size
        else:
            at += 1 + (byte >> 1)
    return at
