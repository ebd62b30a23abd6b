"""What the use cases answer. Each carries the ETag of the state that it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from vectord.index import Answer
from vectord.index.distance import F32
from vectord.params import Params


@dataclass(frozen=True, slots=True)
class Described:
    """An index: parameters, number of vectors, the blob's and the graph's bytes, the calibration.

    `curves` is way of searching -> effort -> recall@10, as the last build measured it.
    """

    params: Params
    count: int
    size: int
    graph_size: int
    curves: Mapping[str, Mapping[int, float]]
    etag: str


@dataclass(frozen=True, slots=True)
class Added:
    added: int
    replaced: int
    count: int
    etag: str


@dataclass(frozen=True, slots=True)
class Deleted:
    deleted: int
    count: int
    etag: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored vector, float32 (dimension,), bit for bit, and its metadata as JSON text."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None
    etag: str


@dataclass(frozen=True, slots=True)
class Searched:
    """An answer, and the bytes and requests that it took of the store."""

    answer: Answer
    etag: str
    read_bytes: int
    requests: int
