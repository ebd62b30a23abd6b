"""The matches of a search, and why they have their scores."""

from collections.abc import Iterator
from functools import reduce
from math import nan
from operator import getitem
from typing import Any, Final, overload

import msgspec

from vectord_client.vector import Vector

_SHOWN: Final = 3


class TermShare(msgspec.Struct, frozen=True):
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


class IndexShare(msgspec.Struct, frozen=True):
    """What one index of a sparse vector adds to the dot product of a match: `share`, with the match's `value` there."""

    index: int
    value: float
    share: float


class Explanation(msgspec.Struct, frozen=True):
    """Why a match has its relevance or score: its ranks from 1 in the lists that have it, and what its parts add.

    `terms` are those of words, `indices` those of a sparse vector.
    """

    vector_rank: int | None = None
    text_rank: int | None = None
    terms: tuple[TermShare, ...] = ()
    sparse_rank: int | None = None
    indices: tuple[IndexShare, ...] = ()


class Highlight(msgspec.Struct, frozen=True):
    """Where words of a search stand in one text of a match, which belongs to the text field `field`.

    `at` has the keys and the positions in arrays that lead to the text in the metadata. Each of `spans` is a start and
    an end in the text, as Python slices it.
    """

    field: str
    at: tuple[str | int, ...]
    spans: tuple[tuple[int, int], ...]

    def text(self, metadata: Any) -> str:
        """Return the text in the metadata of its hit.

        Raises:
            LookupError, TypeError: these are other metadata.
        """
        return str(reduce(getitem, self.at, metadata))

    def words(self, metadata: Any) -> list[str]:
        """Return the parts of the text that match, in their order; raise what `text` raises."""
        text = self.text(metadata)
        return [text[start:end] for start, end in self.spans]


class Hit(msgspec.Struct, frozen=True):
    """A match of a search; `distance` is NaN if the search has no vector.

    With words or a sparse vector it has a `relevance`, with both also the `sparse_relevance` of the sparse vector. In a
    hybrid search it has the `score` that orders the matches, and after a rerank the `rerank_score` that orders them
    then.
    """

    id: str
    distance: float = nan
    metadata: Any = None
    vector: Vector | None = None
    relevance: float | None = None
    score: float | None = None
    explanation: Explanation | None = None
    rerank_score: float | None = None
    highlights: tuple[Highlight, ...] | None = None
    sparse_relevance: float | None = None


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """The matches of a search, the best first: a sequence of `Hit`, with what the search did.

    `count` is the number of vectors in the index, `eligible` of those that satisfy the filter, `examined` of those
    whose exact distance was computed. `partitions` were probed, with `entries` codes. `next` is the cursor of the next
    page, None if there is none. For one of several searches, `bytes_read`, `requests`, `rounds` and `milliseconds` are
    those of all searches of its request.
    """

    matches: tuple[Hit, ...]
    count: int
    eligible: int
    strategy: str
    plan: str
    examined: int
    partitions: int = 0
    entries: int = 0
    bytes_read: int = 0
    requests: int = 0
    rounds: int = 0
    milliseconds: float = 0.0
    next: str | None = None
    etag: str = ""

    def __len__(self) -> int:
        return len(self.matches)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.matches)

    @overload
    def __getitem__(self, position: int) -> Hit: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[Hit, ...]: ...

    def __getitem__(self, position: int | slice) -> Hit | tuple[Hit, ...]:
        return self.matches[position]

    @property
    def ids(self) -> list[str]:
        """The ids of the matches, the best first."""
        return [hit.id for hit in self.matches]

    def __repr__(self) -> str:
        shown = ", ".join(f"{hit.id} {_order_of(hit):.4g}" for hit in self.matches[:_SHOWN])
        more = f", … {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
        return f"<Hits [{shown}{more}] of {self.count:,}, {self.strategy}, {self.milliseconds:.1f} ms>"


def _order_of(hit: Hit) -> float:
    """Return the number that orders the matches of a search."""
    for ordering in (hit.rerank_score, hit.score):
        if ordering is not None:
            return ordering
    return hit.distance if hit.relevance is None else hit.relevance
