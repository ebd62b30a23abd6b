"""JSON bodies of searches and recall measurements."""

from typing import Literal

import msgspec

from vectord.edge.schemas import fields
from vectord.edge.schemas.fields import Consistency
from vectord.index.query.efforts import DEFAULT_RECALL

Include = Literal["metadata", "vector", "distance"]


class SearchBody(msgspec.Struct, forbid_unknown_fields=True):
    """A search for exactly one of `vector`, `vectors` and `id`."""

    vector: fields.Vector | None = None
    vectors: fields.Queries = None
    id: fields.Id | None = None
    k: fields.K = 10
    recall: fields.Recall = DEFAULT_RECALL
    ef_search: fields.Effort = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    max_distance: fields.NonNegative = None
    after: fields.Cursor = None
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None
    include: list[Include] = msgspec.field(default_factory=lambda: ["metadata"])
    vector_encoding: fields.Encoding = "array"


class RecallBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recall measurement. The queries are `vectors`, or else a random `sample` of the stored vectors."""

    vectors: fields.Probes = None
    sample: fields.Sample = 50
    k: fields.K = 10
    recall: fields.Recall = DEFAULT_RECALL
    ef_search: fields.Effort = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None
