"""JSON bodies of searches and recall measurements.

A search has one query or several: `vector`, `vectors`, `id`, `text` or `sparse`. With several of `text`, `sparse` and
one of `vector` and `id`, it is a hybrid search.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import msgspec

from vectord.edge.schemas.fields import (
    AsOf,
    Candidates,
    Consistency,
    Cursor,
    Effort,
    Encoding,
    FieldList,
    Filter,
    Id,
    Indices,
    K,
    NonNegative,
    Probes,
    Queries,
    RankConstant,
    Recall,
    Sample,
    SparseName,
    Staleness,
    Values,
    Vector,
    Weight,
    WeightedFields,
    Words,
)
from vectord.index.query.efforts import DEFAULT_RECALL

Include = Literal["metadata", "vector", "distance"]

_ONLY_METADATA: Final[Callable[[], list[Include]]] = partial(list, ("metadata",))


class TextBody(msgspec.Struct, forbid_unknown_fields=True):
    """The words of a search; `fields` are some of the declared ones, or an object with the weight of each."""

    query: Words
    fields: FieldList | WeightedFields | None = None
    match: Literal["any", "all"] = "any"
    prefix: bool = False


class SparseBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The sparse vector of a search: distinct indices with their values; `name` may be absent if one is declared."""

    name: SparseName = None
    indices: Indices
    values: Values


class WeightsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The weights of the lists that the search has, 1 for each that is absent."""

    vector: Weight | msgspec.UnsetType = msgspec.UNSET
    text: Weight | msgspec.UnsetType = msgspec.UNSET
    sparse: Weight | msgspec.UnsetType = msgspec.UNSET


class FusionBody(msgspec.Struct, forbid_unknown_fields=True):
    """How a hybrid search joins its lists of `candidates` rows: by reciprocal ranks."""

    rank_constant: RankConstant = 60.0
    candidates: Candidates = 100
    weights: WeightsBody = msgspec.field(default_factory=WeightsBody)


class SearchBody(msgspec.Struct, forbid_unknown_fields=True):
    """A search for exactly one of `vector`, `vectors`, `id`, `text` and `sparse`.

    With several of `text`, `sparse` and one of `vector` and `id` it is hybrid.
    """

    vector: Vector | None = None
    vectors: Queries = None
    id: Id | None = None
    text: Words | TextBody | None = None
    sparse: SparseBody | None = None
    k: K = 10
    recall: Recall = DEFAULT_RECALL
    ef_search: Effort = None
    filter: Filter = msgspec.field(default_factory=msgspec.Raw)
    max_distance: NonNegative = None
    min_relevance: NonNegative = None
    fusion: FusionBody | None = None
    explain: bool = False
    highlight: bool = False
    after: Cursor = None
    consistency: Consistency = "strong"
    max_staleness: Staleness = None
    as_of: AsOf = None
    include: list[Include] = msgspec.field(default_factory=_ONLY_METADATA)
    vector_encoding: Encoding = "array"


class RecallBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recall measurement. The queries are `vectors`, or else a random `sample` of the stored vectors."""

    vectors: Probes = None
    sample: Sample = 50
    k: K = 10
    recall: Recall = DEFAULT_RECALL
    ef_search: Effort = None
    filter: Filter = msgspec.field(default_factory=msgspec.Raw)
    consistency: Consistency = "strong"
    max_staleness: Staleness = None
    as_of: AsOf = None
