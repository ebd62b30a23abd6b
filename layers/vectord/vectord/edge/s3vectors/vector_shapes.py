"""The shapes of requests and answers about vectors, named as in the model of S3 Vectors (API version 2025-07-15)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import msgspec

from vectord.edge.encoding import MAX_DECODED
from vectord.edge.s3vectors.constraints import Between, Length
from vectord.edge.s3vectors.shapes import Answer, IndexMode, MetadataKey, OfIndex, Shape

MAX_TOP_K: Final = 10_000

type VectorKey = Annotated[str, Length(1, 1024)]


class VectorData(Shape):
    """The components stay JSON text, so that an error can name the vector; without text they are absent."""

    float32: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class PutInputVector(Shape):
    key: VectorKey
    data: VectorData
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class QueryText(Shape):
    text: Annotated[str, Length(1, 1024)]
    metadata_key: MetadataKey


class PutVectorsInput(OfIndex, kw_only=True):
    max_bytes: ClassVar[int] = MAX_DECODED
    objects: ClassVar[tuple[str, int] | None] = ("vectors", 500)

    vectors: Annotated[list[PutInputVector], Length(1, 500)]


class GetVectorsInput(OfIndex, kw_only=True):
    max_bytes: ClassVar[int] = 2 << 20

    keys: Annotated[list[VectorKey], Length(1, 100)]
    return_data: bool | None = None
    return_metadata: bool | None = None


class DeleteVectorsInput(OfIndex, kw_only=True):
    max_bytes: ClassVar[int] = 6 << 20

    keys: Annotated[list[VectorKey], Length(1, 500)]


class ListVectorsInput(OfIndex, kw_only=True):
    max_results: Annotated[int, Between(1, 1000)] | None = None
    next_token: Annotated[str, Length(1, 2048)] | None = None
    segment_count: Annotated[int, Between(1, 16)] | None = None
    segment_index: Annotated[int, Between(0, 15)] | None = None
    return_data: bool | None = None
    return_metadata: bool | None = None


class QueryVectorsInput(OfIndex, kw_only=True):
    max_bytes: ClassVar[int] = MAX_DECODED
    objects: ClassVar[tuple[str, int] | None] = ("queryTexts", 10)

    top_k: Annotated[int, Between(1)]
    query_vector: VectorData | None = None
    filter: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    query_mode: IndexMode | None = None
    return_metadata: bool | None = None
    return_distance: bool | None = None
    query_texts: Annotated[list[QueryText], Length(1, 10)] | None = None
    return_scores: bool | None = None
    next_token: Annotated[str, Length(1, 4096)] | None = None


class OutputVectorData(Answer):
    float32: Sequence[float] | msgspec.Raw


class OutputVector(Answer):
    """A vector of GetVectors (GetOutputVector) and of ListVectors (ListOutputVector)."""

    key: str
    data: OutputVectorData | None = None
    metadata: msgspec.Raw | None = None


class GetVectorsOutput(Answer):
    vectors: Sequence[OutputVector]


class ListVectorsOutput(Answer):
    vectors: Sequence[OutputVector]
    next_token: str | None = None


class Bm25Score(Answer):
    metadata_key: str
    score: float


class QueryScores(Answer):
    fused: float | None = None
    bm25_scores: Sequence[Bm25Score] | None = None
    vector_distance: float | None = None


class QueryOutputVector(Answer):
    key: str
    distance: float | None = None
    scores: QueryScores | None = None
    metadata: msgspec.Raw | None = None


class QueryVectorsOutput(Answer):
    vectors: Sequence[QueryOutputVector]
    distance_metric: str
    next_token: str | None = None
