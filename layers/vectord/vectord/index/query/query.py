"""The query and the result of a search: values that travel unchanged between the edge, the shards and the index."""

import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Final, Literal

import msgspec
from msgspec import structs

from vectord.errors import RequestInvalid
from vectord.index.kernels.distance import F32, invalid_vector_reason
from vectord.index.query import text_limits
from vectord.index.query.efforts import DEFAULT_RECALL
from vectord.index.query.explanations import Explanation, Highlight
from vectord.lhv1.params import MAX_EF_SEARCH, Params

LEAST_RECALL: Final = 0.5
MAX_K: Final = 10_000
BEFORE_ALL: Final = (0.0, "")  # a distance and an id before those of every match
MAX_QUERIES: Final = 100  # query vectors of one search
MAX_PROBES: Final = 500  # query vectors of one recall measurement

type ListName = Literal["vector", "text", "sparse"]

_KEY_SIZE: Final = 16  # bytes; shorter ids are their own keys, which no digest equals


class SparseSearch(msgspec.Struct, frozen=True):
    """The sparse vector of a search: indices with their values; `name` is None if one is declared.

    A row matches that shares an index, and its dot product is at least `min_relevance`.
    """

    name: str | None
    indices: tuple[int, ...]
    values: tuple[float, ...]
    min_relevance: float = text_limits.LEAST_PRODUCT

    def check(self) -> None:
        """Raise RequestInvalid if the least relevance is out of range."""
        text_limits.check_product(self.min_relevance)


class TextSearch(msgspec.Struct, frozen=True):
    """The words of a search: `query`, in the fields that `fields` has with their weights, or in all with weight 1.

    With `match` "all" a match has every word of the query in one of these fields or another. With `prefix` the last
    word also stands for words that begin with it. A match has a relevance of at least `min_relevance`.

    A field in `queries` has a text of its own in place of `query`. Such a search matches any word, and has no prefix.
    If none of its texts has a word, no row matches it.
    """

    query: str
    fields: Mapping[str, float] = msgspec.field(default_factory=dict)
    match: Literal["any", "all"] = "any"
    prefix: bool = False
    min_relevance: float = 0.0
    queries: Mapping[str, str] = msgspec.field(default_factory=dict)

    def check(self) -> None:
        """Raise RequestInvalid if the text is too long, or a number out of range."""
        text_limits.check_words(self.query, self.fields, self.min_relevance)


class Fusion(msgspec.Struct, frozen=True):
    """How the ranks of a search by vector, by words and by a sparse vector become one score: reciprocal rank fusion.

    A match has the sum of weight / (rank_constant + rank), ranks from 1, over the lists of `candidates` rows that have
    it. After Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet" (SIGIR 2009).
    """

    rank_constant: float = 60.0
    candidates: int = 100
    vector_weight: float = 1.0
    text_weight: float = 1.0
    sparse_weight: float = 1.0

    def weight_of(self, name: ListName) -> float:
        return {"vector": self.vector_weight, "text": self.text_weight, "sparse": self.sparse_weight}[name]


class FieldStatistics(msgspec.Struct, frozen=True, array_like=True):
    """The tokens of all live texts of a field, and the number of live rows that have each term of a search."""

    tokens: int
    frequencies: Mapping[str, int]


class TextStatistics(msgspec.Struct, frozen=True, array_like=True):
    """What the relevances of a search were computed from: the number of live rows, and its fields by their paths.

    The cursor of a search by words carries those of its first page, so that later pages compute the same relevances.
    """

    rows: int
    fields: Mapping[str, FieldStatistics]


class Query(msgspec.Struct, frozen=True):
    """A search for the `k` nearest neighbors of each query vector.

    `vectors` are float32 (dimension,); or `like` is the id of a stored vector to search for, which is then excluded.
    `recall` is the target recall. A positive `ef_search` replaces it: the forest then
    examines that many candidates per tree.
    `filter` is a metadata filter as JSON text; `exclude` lists ids that must not match.
    `after` continues an earlier page: a match comes after this distance and id (BEFORE_ALL: every match does), and the
    key of its id is not in `seen`. Such a page is exact, whatever `recall` and `ef_search` are.
    The matches have their metadata and vectors if `include_metadata` and `include_vectors` are True. If the query is
    `paged`, the answer may have fewer matches because more would be too large to send. `max_bytes` is the size of the
    largest answer as JSON: a search for matches that are certainly larger is refused, or cut if it is `paged`.
    With `text` it is a search by words, with `sparse` by a sparse vector; with several of vector, words and sparse
    vector a hybrid one, and `fusion` joins their lists. With `explain`, a match has an explanation, with `highlight`
    the places of words. A further page comes `after` a relevance or score, and an id; `statistics` are those of the
    first page, and the `seen` of a hybrid search has all matches before it.
    """

    k: int
    vectors: tuple[F32, ...] = ()
    like: str | None = None
    recall: float = DEFAULT_RECALL
    ef_search: int = 0
    filter: str | None = None
    exclude: tuple[str, ...] = ()
    after: tuple[float, str] | None = None
    seen: frozenset[bytes] = frozenset()
    max_distance: float | None = None
    include_vectors: bool = True
    include_metadata: bool = True
    paged: bool = False
    max_bytes: int = sys.maxsize
    text: TextSearch | None = None
    fusion: Fusion = Fusion()
    explain: bool = False
    statistics: TextStatistics | None = None
    highlight: bool = False
    sparse: SparseSearch | None = None

    @property
    def terms(self) -> Mapping[ListName, TextSearch | SparseSearch]:
        """What it searches for by relevance; it is then no search by vector alone."""
        both: tuple[tuple[ListName, TextSearch | SparseSearch | None], ...]
        both = ("text", self.text), ("sparse", self.sparse)
        return {name: search for name, search in both if search is not None}

    @property
    def is_hybrid(self) -> bool:
        return len(self.lists) > 1

    @property
    def lists(self) -> Sequence[ListName]:
        """The lists that are searched and, if there are several, joined: in this order."""
        near: tuple[ListName, ...] = ("vector",) if self.vectors or self.like is not None else ()
        return *near, *self.terms

    @property
    def bounded(self) -> bool:
        """True if rows that satisfy the filter may be left out because they are too near, too far or seen."""
        return self.after is not None or self.max_distance is not None

    @property
    def wanted(self) -> int:
        """The number of nearest rows after `after` from which the page, and whether another one follows, is known."""
        return self.k + 1 + len(self.seen) if self.bounded else self.k


class Match(msgspec.Struct, frozen=True, array_like=True):
    """A stored vector with its exact distance; `metadata` is JSON text, `vector` is float32 (dimension,).

    `metadata` and `vector` are None if the query did not request them. A search by words alone has no distance, one
    by a vector alone no relevance; a hybrid search has the score that orders the matches. `relevance` is that of words,
    and of a sparse vector if there are none; with both, `sparse_relevance` is that of the sparse vector.
    """

    id: str
    distance: float | None
    metadata: msgspec.Raw | None
    vector: F32 | None
    relevance: float | None = None
    score: float | None = None
    explanation: Explanation | None = None
    highlights: tuple[Highlight, ...] | None = None
    sparse_relevance: float | None = None


sort_key: Final = attrgetter("distance", "id")  # the sort key of matches of a search by vector


def distance_of(match: Match) -> float:
    """Return the distance of a match that has one: that of any search but by words alone."""
    if match.distance is None:
        raise AssertionError("a search by words alone has no distances")
    return match.distance


class Answer(msgspec.Struct, frozen=True):
    """The answer to one query vector: matches by ascending distance, then id.

    `count` is the number of vectors in the index, `eligible` the number that could match, `examined` the number of
    exact distances computed, `partitions` that of the partitions probed, `entries` that of the entries in them.
    `strategy` is exact, forest, partitions, codes or sketch; `plan` is the fetch mode: local, ranges or whole. Both are
    "mixed" if the shards of an index differ.

    A search by words orders matches by descending relevance, a hybrid one by descending score, and both then by id. The
    strategy by words is text; that of a hybrid search is the one that found its nearest rows. Both have `statistics`.

    `more` is False if there is certainly no further match. `complete` is True if every row that is not a match comes
    after the last match, so that a further page can start there.
    """

    matches: list[Match]
    count: int
    strategy: str
    plan: str = "local"
    examined: int = 0
    eligible: int = 0
    more: bool = False
    complete: bool = True
    partitions: int = 0
    entries: int = 0
    statistics: TextStatistics | None = None


class Result(msgspec.Struct, frozen=True, tag="result"):
    """The answers to a query, one for each query vector, the ETag of the state, and what was read.

    `rounds` is the number of rounds of requests, each sent when the one before was answered.
    """

    answers: Sequence[Answer]
    etag: str
    read_bytes: int = 0
    requests: int = 0
    rounds: int = 0

    @property
    def answer(self) -> Answer:
        """The answer to a query with one vector."""
        return self.answers[0]


def resolved(query: Query, vector: F32) -> Query:
    """Return the query for the stored vector `like` with that vector in its place, and its id excluded."""
    if query.like is None:
        raise AssertionError("the query does not name a stored vector")
    return structs.replace(query, vectors=(vector,), like=None, exclude=(*query.exclude, query.like))


def key_of_seen(vector_id: str) -> bytes:
    """Return the key of an id in `Query.seen`: the id in UTF-8, or a digest of 16 bytes if it is not shorter."""
    encoded = vector_id.encode()
    return encoded if len(encoded) < _KEY_SIZE else blake2b(encoded, digest_size=_KEY_SIZE).digest()


def check(query: Query) -> None:
    """Raise RequestInvalid if a number in the query is out of range."""
    if not 1 <= query.k <= MAX_K:
        raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {query.k:,}")
    if query.ef_search > MAX_EF_SEARCH:
        raise RequestInvalid(f"ef_search must be at most {MAX_EF_SEARCH:,}, not {query.ef_search:,}")
    if not LEAST_RECALL <= query.recall <= 1:
        raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {query.recall}")
    if query.max_distance is not None and not query.max_distance >= 0:
        raise RequestInvalid(f"max_distance must be at least 0, not {query.max_distance}")
    if query.highlight and query.text is None:
        raise RequestInvalid("highlight needs 'text': without words, there is nothing to highlight")
    if query.text is not None or query.sparse is not None:
        _check_terms(query)
    elif query.explain:
        raise RequestInvalid("explain needs 'text' or 'sparse': the distance is the whole explanation")


def _check_terms(query: Query) -> None:
    """Raise RequestInvalid if a number in a search by words or a sparse vector is out of range, or of its lists."""
    if len(query.vectors) > 1:
        raise RequestInvalid("a search with 'text' or 'sparse' has one query vector or none, not several 'vectors'")
    if query.text is not None:
        query.text.check()
    if query.sparse is not None:
        query.sparse.check()
    if query.is_hybrid:
        text_limits.check_weights({name: query.fusion.weight_of(name) for name in query.lists})
        text_limits.check_fusion(query.k, query.fusion.rank_constant, query.fusion.candidates, len(query.lists))
    if "vector" not in query.lists and query.max_distance is not None:
        raise RequestInvalid("max_distance needs a vector or an id: without one, a search has no distances")
    if query.sparse is not None and query.explain:
        rows = len(query.lists) * query.fusion.candidates if query.is_hybrid else query.k
        text_limits.check_shares(rows, len(query.sparse.indices))


def check_vectors(query: Query, params: Params) -> None:
    """Raise RequestInvalid if a query vector does not fit an index with these parameters; of several, name it."""
    for position, vector in enumerate(query.vectors):
        if reason := invalid_vector_reason(vector, params):
            raise RequestInvalid(reason if len(query.vectors) == 1 else f"vectors[{position}]: {reason}")
