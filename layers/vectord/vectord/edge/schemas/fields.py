"""Fields that bodies, query strings and answers share, each with the bounds that a schema of it shows.

The bounds are shown alone: what checks a field answers in words of its own, which name the value and the remedy.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from vectord.edge.consistency import MAX_STALENESS
from vectord.index.query.query import LEAST_RECALL, MAX_K, MAX_PROBES, MAX_QUERIES
from vectord.lhv1.params import MAX_DIMENSION, MAX_EF_SEARCH, MAX_SHARDS, MAX_TREES
from vectord.service.vectors import MAX_IDS, MAX_PAGE

MAX_SEGMENTS: Final = 1_000

FILTER: Final = "Filter"  # what components of the document are called that no type stands for
ITEM: Final = "NewVector"
_BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def shown(**schema: Any) -> msgspec.Meta:
    """Return what a schema says of a field besides its type."""
    return msgspec.Meta(extra_json_schema=schema)


def ref(component: str) -> dict[str, str]:
    """Return a reference to a component of the document."""
    return {"$ref": f"#/components/schemas/{component}"}


Name = Annotated[str, shown(pattern="^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]
Id = Annotated[str, shown(minLength=1, description="At most 1,024 bytes of UTF-8.")]
Ids = Annotated[list[Annotated[msgspec.Raw, shown(type="string", minLength=1)]], shown(minItems=1)]
FewIds = Annotated[list[Annotated[msgspec.Raw, shown(type="string", minLength=1)]], shown(minItems=1, maxItems=MAX_IDS)]
Dimension = Annotated[int, shown(minimum=1, maximum=MAX_DIMENSION)]
Trees = Annotated[int | None, shown(maximum=MAX_TREES)]
Effort = Annotated[int | None, shown(maximum=MAX_EF_SEARCH)]
Shards = Annotated[int | None, shown(minimum=1, maximum=MAX_SHARDS)]
Numbers = list[float] | str
Vector = Annotated[Numbers, shown(minItems=1, maxItems=MAX_DIMENSION, pattern=_BASE64, minLength=4)]
Queries = Annotated[list[Vector] | None, shown(minItems=1, maxItems=MAX_QUERIES)]
Probes = Annotated[list[Vector] | None, shown(minItems=1, maxItems=MAX_PROBES)]
Sample = Annotated[int, shown(minimum=1, maximum=MAX_PROBES)]
Items = Annotated[list[Annotated[msgspec.Raw, shown(**ref(ITEM))]], shown(minItems=1)]
Metadata = Annotated[msgspec.Raw, shown(description="Any JSON value, up to 100 levels deep.")]
Filter = Annotated[msgspec.Raw, shown(anyOf=[ref(FILTER), {"type": "null"}])]
K = Annotated[int, shown(minimum=1, maximum=MAX_K)]
Recall = Annotated[float, shown(minimum=LEAST_RECALL, maximum=1)]
Least0 = Annotated[float | None, shown(minimum=0)]
Limit = Annotated[int, shown(minimum=1, maximum=MAX_PAGE)]
Staleness = Annotated[
    float | None, shown(minimum=0, maximum=MAX_STALENESS, description="Seconds; 10 unless told otherwise.")
]
_AS_OF: Final = shown(minLength=1, description="A version's id, an ETag in quotes, or an RFC 3339 time.")
Moment = Annotated[str, _AS_OF]
AsOf = Annotated[str | None, _AS_OF]
File = Annotated[str, shown(pattern=r"\.(jsonl|jsonl\.gz|npz|npy|parquet)$")]
Cursor = Annotated[str | None, shown(minLength=1, description="`next` of the page before.")]
Next = Annotated[str | None, shown(description="Continues the listing; null at its end.")]
Stored = Metadata | None
Curves = Annotated[
    Mapping[str, Mapping[int, float]], shown(description="Way of searching, effort, recall@10 at the last build.")
]
