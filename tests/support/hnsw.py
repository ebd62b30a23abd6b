"""Blobs of version 1, written from the specification: a graph as coder/hnsw exports it, in an LHV1 blob."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

type Node = tuple[str, Iterable[float], Sequence[str]]  # key, components, keys of neighbours


def number(value: int) -> bytes:
    """Encode a number as Go's binary.PutVarint does."""
    raw = (value << 1) ^ (value >> 63)
    out = bytearray()
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes([*out, raw])


def text(value: str) -> bytes:
    return number(len(value.encode())) + value.encode()


def node(key: str, vector: Iterable[float], neighbours: Sequence[str] = ()) -> bytes:
    packed = np.array(list(vector), "<f4")
    edges = b"".join(map(text, neighbours))
    return text(key) + number(len(packed)) + packed.tobytes() + number(len(neighbours)) + edges


def graph(
    layers: Sequence[Sequence[Node]], *, version: int = 1, m: int = 16, ef_search: int = 20, distance: str = "cosine"
) -> bytes:
    head = number(version) + number(m) + struct.pack("<d", 0.25) + number(ef_search) + text(distance)
    each = (number(len(layer)) + b"".join(node(*one) for one in layer) for layer in layers)
    return head + number(len(layers)) + b"".join(each)


def blob(envelope: Mapping[str, Any], body: bytes) -> bytes:
    packed = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack(">4sI", b"LHV1", len(packed)) + packed + body


def params(**changed: Any) -> dict[str, Any]:
    return {"name": "t", "dimension": 3, "m": 16, "ef_search": 20, "distance": "cosine"} | changed


def index_blob(
    vectors: Mapping[str, Sequence[float]], metadata: Mapping[str, Any] | None = None, **changed: Any
) -> bytes:
    """Return a blob of one layer without edges; `changed` are other parameters."""
    known = params(**changed)
    body = graph([[(key, vector, ()) for key, vector in vectors.items()]], distance=known["distance"])
    return blob({"version": 1, "params": known, "metadata": metadata or {}}, body)
