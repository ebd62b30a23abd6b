"""What the tools return, in a size that a language model can read."""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any, Final, NotRequired, TypeVar

import msgspec
from typing_extensions import TypedDict

from vectord_client.hits import Hit
from vectord_client.values import Parameters

MAX_ANSWER: Final = 40_000  # characters of JSON, about 10,000 tokens
MAX_METADATA: Final = 8_000  # characters of the JSON of one vector's metadata
MAX_VALUE: Final = 500  # characters of one text among counted values

Item = TypeVar("Item", bound=Mapping[str, Any])


class ListedIndex(TypedDict):
    name: str
    bytes: int
    modified: str


class Indexes(TypedDict):
    indexes: list[ListedIndex]
    note: NotRequired[str]


class Example(TypedDict):
    id: str
    metadata: Any
    metadata_start: NotRequired[str]


class Fields(TypedDict):
    text_fields: list[str]
    sparse_vectors: list[str]
    not_searchable_yet: list[str]


class Described(Fields):
    name: str
    dimension: int
    distance: str
    count: int
    bytes: int
    shards: int
    embedding_model: str | None
    examples: list[Example]


class Match(TypedDict):
    id: str
    distance: NotRequired[float]
    relevance: NotRequired[float]
    score: NotRequired[float]
    metadata: Any
    metadata_start: NotRequired[str]


class Matches(TypedDict):
    matches: list[Match]
    count: int
    eligible: int
    strategy: str
    note: NotRequired[str]


class StoredVector(TypedDict):
    id: str
    metadata: Any
    metadata_start: NotRequired[str]
    vector: NotRequired[list[float]]


class Vectors(TypedDict):
    vectors: list[StoredVector]
    missing: list[str]
    note: NotRequired[str]


class CountedVectors(TypedDict):
    count: int


class CountedValue(TypedDict):
    value: str | int | float | bool | None
    count: int


class CountedPath(TypedDict):
    path: str
    vectors: int
    distinct: int
    values: list[CountedValue]
    min: int | float | None
    max: int | float | None


class CountedValues(TypedDict):
    count: int
    paths: list[CountedPath]
    note: NotRequired[str]


class AddedVectors(TypedDict):
    added: int
    replaced: int
    count: int | None


class DeletedVectors(TypedDict):
    deleted: int
    count: int | None
    dry_run: bool


def fields(parameters: Parameters) -> Fields:
    """Return the text fields and sparse vectors that an index declares: which can be searched, and which not yet."""
    texts, sparse = parameters.text or {}, parameters.sparse or {}
    return {
        "text_fields": [path for path, field in texts.items() if field.searchable],
        "sparse_vectors": [name for name, field in sparse.items() if field.searchable],
        "not_searchable_yet": [
            *(path for path, field in texts.items() if not field.searchable),
            *(name for name, field in sparse.items() if not field.searchable),
        ],
    }


def match(hit: Hit) -> dict[str, Any]:
    """Return a match with its metadata and the numbers that it has: a distance, a relevance, a score."""
    numbers = {"distance": hit.distance, "relevance": hit.relevance, "score": hit.score}
    found = {name: number for name, number in numbers.items() if number is not None and not isnan(number)}
    return {"id": hit.id, **found, **metadata_members(hit.metadata)}


def metadata_members(metadata: Any) -> dict[str, Any]:
    """Return the member `metadata`; of long metadata only the start of its JSON, as `metadata_start`."""
    text = _json(metadata)
    if len(text) <= MAX_METADATA:
        return {"metadata": metadata}
    return {"metadata": None, "metadata_start": text[:MAX_METADATA]}


def shortened(value: Any) -> Any:
    """Return a value, or the start of it if it is a long text."""
    return value[:MAX_VALUE] + "…" if isinstance(value, str) and len(value) > MAX_VALUE else value


def that_fit(items: Iterable[Item]) -> tuple[list[Item], str | None]:
    """Return the first items that fit into an answer, at least one, and a note if others were left out."""
    listed = list(items)
    size, kept = 0, 0
    for item in listed:
        size += len(_json(item))
        if kept and size > MAX_ANSWER:
            break
        kept += 1
    if kept == len(listed):
        return listed, None
    note = f"Only the first {kept} of {len(listed)} are shown: an answer has up to {MAX_ANSWER:,} characters."
    return listed[:kept], note


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
