"""Types of the fields that bodies, query strings and answers share, with the constraints for the OpenAPI document.

msgspec does not enforce these constraints. The code that uses a field checks it, so that an error message can name the
value and the remedy.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from vectord.index.query.query import LEAST_RECALL, MAX_K, MAX_PROBES, MAX_QUERIES
from vectord.index.query.text_limits import MAX_CANDIDATES, MAX_QUERY_TEXT
from vectord.lhv1 import text_fields
from vectord.lhv1.params import MAX_DIMENSION, MAX_EF_SEARCH, MAX_MODEL, MAX_PREFIX, MAX_SHARDS, MAX_TREES
from vectord.lhv1.text_fields import MAX_FIELDS, MAX_INDICES, MAX_PATH, MAX_SPARSE
from vectord.readers.entry import VectorEncoding
from vectord.service.values.options import MAX_STALENESS
from vectord.service.values.selection import MAX_IDS, MAX_PAGE, MAX_PATHS, MAX_VALUES
from vectord.storage.inbox import MAX_PUT_BYTES

MAX_SEGMENTS: Final = 1_000
MAX_BATCH: Final = 100_000  # vectors of a request; an empty index is built from all of them within the request
MAX_BATCH_IDS: Final = 1_000_000  # ids of a deletion or a patch

# Names of components of the OpenAPI document whose schemas are defined elsewhere.
FILTER: Final = "Filter"
ITEM: Final = "NewVector"
_BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def schema(**members: Any) -> msgspec.Meta:
    """Return an annotation that adds `members` to the JSON schema of a field."""
    return msgspec.Meta(extra_json_schema=members)


def ref(component: str) -> dict[str, str]:
    """Return a reference to a component of the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{component}"}


Consistency = Literal["strong", "eventual"]
_NAME: Final = schema(pattern="^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")
Name = Annotated[str, _NAME]
OptionalName = Annotated[str | None, _NAME]
Id = Annotated[str, schema(minLength=1, description="1 to 1,024 bytes of UTF-8.")]
# Ids that select vectors may be any texts; no vector has the empty one.
Ids = Annotated[list[Annotated[msgspec.Raw, schema(type="string")]], schema(minItems=1, maxItems=MAX_BATCH_IDS)]
LimitedIds = Annotated[list[Annotated[msgspec.Raw, schema(type="string")]], schema(minItems=1, maxItems=MAX_IDS)]
Dimension = Annotated[int, schema(minimum=1, maximum=MAX_DIMENSION)]
Trees = Annotated[int | None, schema(maximum=MAX_TREES)]
Effort = Annotated[int | None, schema(maximum=MAX_EF_SEARCH)]
Shards = Annotated[int | None, schema(minimum=1, maximum=MAX_SHARDS)]
Model = Annotated[str, schema(minLength=1, maxLength=MAX_MODEL, pattern=r"^[^\u0000-\u001f\u007f]*$")]
Prefix = Annotated[str, schema(maxLength=MAX_PREFIX)]


class TextField(msgspec.Struct, forbid_unknown_fields=True):
    """How the texts of a field are analysed: the language of stems and stop words, null for neither.

    With `stopwords`, the stop words of the language are removed.
    """

    language: str | None = "english"
    stopwords: bool = True


class SparseField(msgspec.Struct, forbid_unknown_fields=True):
    """Sparse vectors in the metadata; there are no options."""


def texts_of(declared: Mapping[str, TextField]) -> dict[str, text_fields.TextField]:
    """Return declared fields as the engine has them."""
    return {path: text_fields.TextField(each.language, each.stopwords) for path, each in declared.items()}


_NAMES: Final[dict[str, Any]] = {"minLength": 1, "maxLength": MAX_PATH}
_PATHS: Final = schema(minProperties=1, maxProperties=MAX_FIELDS, propertyNames=_NAMES)
Texts = Annotated[dict[str, TextField] | None, _PATHS]
SparseFields = Annotated[
    dict[str, SparseField] | None, schema(minProperties=1, maxProperties=MAX_SPARSE, propertyNames=_NAMES)
]
Numbers = list[float] | str
StoredVector = list[float] | Annotated[str, schema(pattern=_BASE64)]
Encoding = Annotated[VectorEncoding, schema(description="How vectors in the answer are written.")]
Vector = Annotated[Numbers, schema(minItems=1, maxItems=MAX_DIMENSION, pattern=_BASE64, minLength=4)]
Queries = Annotated[list[Vector] | None, schema(minItems=1, maxItems=MAX_QUERIES)]
Probes = Annotated[list[Vector] | None, schema(minItems=1, maxItems=MAX_PROBES)]
Sample = Annotated[int, schema(minimum=1, maximum=MAX_PROBES)]
Items = Annotated[list[Annotated[msgspec.Raw, schema(**ref(ITEM))]], schema(minItems=1, maxItems=MAX_BATCH)]
Metadata = Annotated[msgspec.Raw, schema(description="Any JSON value, up to 100 levels deep.")]
Filter = Annotated[msgspec.Raw, schema(anyOf=[ref(FILTER), {"type": "null"}])]
K = Annotated[int, schema(minimum=1, maximum=MAX_K)]
Recall = Annotated[float, schema(minimum=LEAST_RECALL, maximum=1)]
NonNegative = Annotated[float | None, schema(minimum=0)]
Words = Annotated[str, schema(minLength=1, maxLength=MAX_QUERY_TEXT)]
Weight = Annotated[float, schema(minimum=1e-6, maximum=1e6)]
_INDEX: Final = schema(minimum=0, maximum=2**32 - 1)
Indices = Annotated[list[Annotated[int, _INDEX]], schema(minItems=1, maxItems=MAX_INDICES, uniqueItems=True)]
Values = Annotated[list[float], schema(minItems=1, maxItems=MAX_INDICES)]
SparseName = Annotated[str | None, schema(minLength=1, maxLength=MAX_PATH)]
FieldList = Annotated[list[str], schema(minItems=1, maxItems=MAX_FIELDS, uniqueItems=True)]
WeightedFields = Annotated[
    dict[str, Weight],
    schema(minProperties=1, maxProperties=MAX_FIELDS),
]
RankConstant = Annotated[float, schema(minimum=0, maximum=1e6)]
Candidates = Annotated[int, schema(minimum=1, maximum=MAX_CANDIDATES)]
Limit = Annotated[int, schema(minimum=1, maximum=MAX_PAGE)]
Paths = Annotated[list[str], schema(minItems=1, maxItems=MAX_PATHS)]
ValueLimit = Annotated[int, schema(minimum=1, maximum=MAX_VALUES)]
Staleness = Annotated[float | None, schema(minimum=0, maximum=MAX_STALENESS, description="Seconds, by default 10.")]
_AS_OF: Final = schema(minLength=1, description="A version id, an ETag in double quotes, or an RFC 3339 time.")
RequiredAsOf = Annotated[str, _AS_OF]
AsOf = Annotated[str | None, _AS_OF]
File = Annotated[str, schema(pattern=r"\.(jsonl|jsonl\.gz|npz|npy|parquet)$")]
FileBytes = Annotated[
    int,
    schema(minimum=1, maximum=MAX_PUT_BYTES, description="At most a sixth of the ingest function's memory."),
]
Cursor = Annotated[str | None, schema(minLength=1, description="The `next` of the previous page.")]
Next = Annotated[str | None, schema(description="The cursor of the next page; null on the last page.")]
StoredMetadata = Metadata | None
Curves = Annotated[
    Mapping[str, Mapping[int, float]],
    schema(description="For each strategy: effort and the recall@10 that the last build measured."),
]
