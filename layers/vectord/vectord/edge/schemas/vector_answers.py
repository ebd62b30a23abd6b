"""JSON bodies of answers about vectors: searches, recall measurements, reads and changes.

The names of these types are those of the schemas in the OpenAPI document.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from vectord.edge.schemas.fields import Curves, Next, StoredMetadata, StoredVector
from vectord.index.kernels.distance import F32
from vectord.readers.entry import VectorEncoding, encode_base64


def vector_value(vector: F32, encoding: VectorEncoding) -> StoredVector:
    """Return a vector as an answer shows it: as numbers, or as base64 of little-endian float32."""
    return encode_base64(vector).decode() if encoding == "base64" else vector.tolist()


class TermShare(msgspec.Struct):
    """What one term of a field adds to the relevance of a match: `share`.

    `count` is how often the match has the term, `length` the number of terms of its text, and `rows` the number of
    vectors that have the term, from which `idf` follows.
    """

    field: str
    term: str
    count: int
    length: int
    rows: int
    idf: float
    share: float


class IndexShare(msgspec.Struct):
    """What one index of a sparse vector adds to the dot product of a match: `share`, with the match's `value` there."""

    index: int
    value: float
    share: float


class Explanation(msgspec.Struct):
    """Why a match has its relevance, and in a hybrid search its score: its ranks, from 1, in the lists that have it.

    `terms` are those of words, and `indices`, which a search with `sparse` has, those of the sparse vector.
    """

    terms: list[TermShare]
    vector_rank: int | msgspec.UnsetType = msgspec.UNSET
    text_rank: int | msgspec.UnsetType = msgspec.UNSET
    sparse_rank: int | msgspec.UnsetType = msgspec.UNSET
    indices: list[IndexShare] | msgspec.UnsetType = msgspec.UNSET


class Highlight(msgspec.Struct):
    """Where words of the search stand in one text of a match, which belongs to the text field `field`.

    `at` has the keys and the positions in arrays that lead to the text in the metadata. Each of `spans` is from its
    first number to before its second one; they count code points of the text.
    """

    field: str
    at: list[str | int]
    spans: list[tuple[int, int]]


class Match(msgspec.Struct):
    """A match: with a distance for a vector, a relevance for words or a sparse vector, and a score for several.

    With words and a sparse vector, `relevance` is that of the words, and `sparse_relevance` that of the sparse vector.
    """

    id: str
    distance: float | msgspec.UnsetType = msgspec.UNSET
    metadata: StoredMetadata | msgspec.UnsetType = msgspec.UNSET
    vector: StoredVector | msgspec.UnsetType = msgspec.UNSET
    relevance: float | msgspec.UnsetType = msgspec.UNSET
    score: float | msgspec.UnsetType = msgspec.UNSET
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET
    highlights: list[Highlight] | msgspec.UnsetType = msgspec.UNSET
    sparse_relevance: float | msgspec.UnsetType = msgspec.UNSET


class Found(msgspec.Struct):
    """The result of one query."""

    matches: list[Match]
    count: int
    eligible: int
    strategy: str
    plan: str
    partitions: int
    entries: int
    examined: int


class Search(Found):
    """The answer to a search for one `vector` or `id`, with its cost."""

    bytes_read: int
    requests: int
    rounds: int
    milliseconds: float
    next: Next


class Searches(msgspec.Struct):
    """The answer to a search for several `vectors`, with the cost of all of them."""

    results: list[Found]
    bytes_read: int
    requests: int
    rounds: int
    milliseconds: float


class Quantiles(msgspec.Struct, omit_defaults=True):
    p50: float | msgspec.UnsetType = msgspec.UNSET
    p99: float | msgspec.UnsetType = msgspec.UNSET


class Recall(msgspec.Struct):
    """The result of a recall measurement; `recall` is null if the index is empty."""

    recall: float | None
    k: int
    queries: int
    count: int
    strategies: Sequence[str]
    milliseconds: Quantiles
    exact_milliseconds: Quantiles
    calibration: Curves


class Warmed(msgspec.Struct):
    """The size of the index that was loaded into the cache, and the cost."""

    bytes: int
    bytes_read: int
    requests: int
    milliseconds: float


class Vector(msgspec.Struct):
    """A stored vector, with the members that `include` names."""

    id: str
    metadata: StoredMetadata | msgspec.UnsetType = msgspec.UNSET
    vector: StoredVector | msgspec.UnsetType = msgspec.UNSET


class Gotten(msgspec.Struct):
    """The requested vectors that exist, and the ids of those that do not; of one page, if not all fit."""

    vectors: list[Vector]
    missing: list[str]
    next: Next


class Page(msgspec.Struct):
    """One page of a listing of vectors."""

    vectors: list[Vector]
    next: Next


class Counted(msgspec.Struct):
    count: int


class ValueCount(msgspec.Struct):
    """A value at a path, and the number of vectors that have it."""

    value: str | int | float | bool | None
    count: int


class Facet(msgspec.Struct, omit_defaults=True):
    """The values at one path, most frequent first.

    `rows` is the number of vectors with anything at the path, `distinct` the number of different values; `min` and
    `max` are the smallest and the greatest number. If it is `approximate`, `distinct` and the counts are lower bounds.
    """

    path: str
    rows: int
    distinct: int
    values: list[ValueCount]
    min: int | float | None
    max: int | float | None
    approximate: Literal[True] | msgspec.UnsetType = msgspec.UNSET


class Facets(msgspec.Struct):
    """One facet for each path, and the number of vectors that satisfy the filter and have the words."""

    facets: list[Facet]
    count: int


class Looked(msgspec.Struct):
    """One stored vector, complete."""

    id: str
    vector: StoredVector
    metadata: StoredMetadata


class Added(msgspec.Struct):
    """How many vectors a batch added and replaced; `count` is null for a sharded index."""

    added: int
    replaced: int
    count: int | None


class Patched(msgspec.Struct):
    """How many vectors have new metadata; `count` is null for a sharded index."""

    patched: int
    count: int | None


class Deleted(msgspec.Struct):
    """How many vectors were deleted, or would be (`dry_run`); `count` is null for a sharded index."""

    deleted: int
    count: int | None
    dry_run: Literal[True] | msgspec.UnsetType = msgspec.UNSET
