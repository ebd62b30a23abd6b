"""The shapes of S3 Vectors, named as in its model (API version 2025-07-15), with the model's constraints.

A field that a request leaves out, or sends as null, is None.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from vectord.edge.s3vectors.constraints import Between, Length, OneOf, check
from vectord.errors import MalformedJson, RequestInvalid
from vectord.readers.malformed import malformed_reason

MODES: Final = ("CLASSIC", "ENHANCED")
MAX_TOP_K: Final = 10_000

type VectorBucketName = Annotated[str, Length(3, 63)]
type IndexName = Annotated[str, Length(3, 63)]
type Dimension = Annotated[int, Between(1, 4096)]
type DataType = Annotated[str, OneOf(("float32",))]
type DistanceMetric = Annotated[str, OneOf(("euclidean", "cosine"))]
type IndexMode = Annotated[str, OneOf(MODES)]
type SseType = Annotated[str, OneOf(("AES256", "aws:kms"))]
type MetadataKey = Annotated[str, Length(1, 63)]
type NonFilterableMetadataKeys = Annotated[list[MetadataKey], Length(0, 10)]
type TagKey = Annotated[str, Length(1, 128)]
type TagValue = Annotated[str, Length(0, 256)]
type TagsMap = dict[TagKey, TagValue]
type VectorKey = Annotated[str, Length(1, 1024)]
type LanguageCode = Annotated[str, OneOf(("en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"))]
type AnalyzerStatus = Annotated[str, OneOf(("ACTIVE", "BUILDING"))]


class Shape(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A structure of the model. An unknown field is refused, because it could change what a request means."""


class Answer(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A structure that only answers have; a field that is None is left out."""


class EncryptionConfiguration(Shape, omit_defaults=True):
    sse_type: SseType | None = None
    kms_key_arn: Annotated[str, Length(1, 2048)] | None = None


class TextSearchConfiguration(Shape):
    metadata_key: MetadataKey
    language: LanguageCode | None = None
    status: AnalyzerStatus | None = None


class TextSearchConfigurationKey(Shape):
    metadata_key: MetadataKey


class MetadataConfiguration(Shape, omit_defaults=True):
    non_filterable_metadata_keys: NonFilterableMetadataKeys | None = None
    text_search_configurations: Annotated[list[TextSearchConfiguration], Length(0, 10)] | None = None


class MetadataConfigurationAdd(Shape):
    text_search_configurations: Annotated[list[TextSearchConfiguration], Length(0, 10)] | None = None


class MetadataConfigurationDelete(Shape):
    text_search_configurations: Annotated[list[TextSearchConfigurationKey], Length(1, 10)] | None = None


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


class OfBucket(Shape):
    """The members of a request that names a vector bucket."""

    vector_bucket_name: VectorBucketName | None = None
    vector_bucket_arn: str | None = None


class OfIndex(Shape):
    """The members of a request that names an index."""

    vector_bucket_name: VectorBucketName | None = None
    index_name: IndexName | None = None
    index_arn: str | None = None


class CreateVectorBucketInput(Shape):
    vector_bucket_name: VectorBucketName
    encryption_configuration: EncryptionConfiguration | None = None
    tags: TagsMap | None = None


class GetVectorBucketInput(OfBucket): ...


class DeleteVectorBucketInput(OfBucket): ...


class ListVectorBucketsInput(Shape):
    max_results: Annotated[int, Between(1, 500)] | None = None
    next_token: Annotated[str, Length(1, 512)] | None = None
    prefix: Annotated[str, Length(1, 63)] | None = None


class PutVectorBucketPolicyInput(OfBucket, kw_only=True):
    policy: str


class GetVectorBucketPolicyInput(OfBucket): ...


class DeleteVectorBucketPolicyInput(OfBucket): ...


class PutVectorBucketDefaultIndexModeInput(OfBucket, kw_only=True):
    default_index_mode: IndexMode


class CreateIndexInput(OfBucket, kw_only=True):
    index_name: IndexName
    data_type: DataType
    dimension: Dimension
    distance_metric: DistanceMetric
    metadata_configuration: MetadataConfiguration | None = None
    encryption_configuration: EncryptionConfiguration | None = None
    tags: TagsMap | None = None


class GetIndexInput(OfIndex): ...


class DeleteIndexInput(OfIndex): ...


class ListIndexesInput(OfBucket, kw_only=True):
    max_results: Annotated[int, Between(1, 500)] | None = None
    next_token: Annotated[str, Length(1, 512)] | None = None
    prefix: Annotated[str, Length(1, 63)] | None = None


class UpdateIndexModeInput(OfIndex, kw_only=True):
    index_mode: IndexMode


class UpdateMetadataConfigurationInput(OfIndex, kw_only=True):
    add: MetadataConfigurationAdd | None = None
    delete: MetadataConfigurationDelete | None = None


class PutVectorsInput(OfIndex, kw_only=True):
    vectors: Annotated[list[PutInputVector], Length(1, 500)]


class GetVectorsInput(OfIndex, kw_only=True):
    keys: Annotated[list[VectorKey], Length(1, 100)]
    return_data: bool | None = None
    return_metadata: bool | None = None


class DeleteVectorsInput(OfIndex, kw_only=True):
    keys: Annotated[list[VectorKey], Length(1, 500)]


class ListVectorsInput(OfIndex, kw_only=True):
    max_results: Annotated[int, Between(1, 1000)] | None = None
    next_token: Annotated[str, Length(1, 2048)] | None = None
    segment_count: Annotated[int, Between(1, 16)] | None = None
    segment_index: Annotated[int, Between(0, 15)] | None = None
    return_data: bool | None = None
    return_metadata: bool | None = None


class QueryVectorsInput(OfIndex, kw_only=True):
    top_k: Annotated[int, Between(1)]
    query_vector: VectorData | None = None
    filter: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    query_mode: IndexMode | None = None
    return_metadata: bool | None = None
    return_distance: bool | None = None
    query_texts: Annotated[list[QueryText], Length(1, 10)] | None = None
    return_scores: bool | None = None
    next_token: Annotated[str, Length(1, 4096)] | None = None


class TagResourceInput(Shape):
    tags: TagsMap


class EmptyOutput(Answer):
    """The answer of an operation that returns nothing."""


class CreateVectorBucketOutput(Answer):
    vector_bucket_arn: str


class VectorBucket(Answer):
    vector_bucket_name: str
    vector_bucket_arn: str
    creation_time: int
    encryption_configuration: EncryptionConfiguration | None = None
    default_index_mode: str | None = None


class GetVectorBucketOutput(Answer):
    vector_bucket: VectorBucket


class VectorBucketSummary(Answer):
    vector_bucket_name: str
    vector_bucket_arn: str
    creation_time: int


class ListVectorBucketsOutput(Answer):
    vector_buckets: Sequence[VectorBucketSummary]
    next_token: str | None = None


class GetVectorBucketPolicyOutput(Answer):
    policy: str


class CreateIndexOutput(Answer):
    index_arn: str


class Index(Answer):
    vector_bucket_name: str
    index_name: str
    index_arn: str
    creation_time: int
    data_type: str
    dimension: int
    distance_metric: str
    metadata_configuration: MetadataConfiguration | None = None
    encryption_configuration: EncryptionConfiguration | None = None
    index_mode: str | None = None


class GetIndexOutput(Answer):
    index: Index


class IndexSummary(Answer):
    vector_bucket_name: str
    index_name: str
    index_arn: str
    creation_time: int


class ListIndexesOutput(Answer):
    indexes: Sequence[IndexSummary]
    next_token: str | None = None


class UpdateMetadataConfigurationOutput(Answer):
    index_arn: str


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


class QueryOutputVector(Answer):
    key: str
    distance: float | None = None
    metadata: msgspec.Raw | None = None


class QueryVectorsOutput(Answer):
    vectors: Sequence[QueryOutputVector]
    distance_metric: str
    next_token: str | None = None


class ListTagsForResourceOutput(Answer):
    tags: Mapping[str, str]


def decode[T: msgspec.Struct](data: bytes, shape: type[T]) -> T:
    """Return the body of a request.

    Raises:
        MalformedJson: it is not JSON.
        RequestInvalid: a field is unknown or missing, or has another type.
        ShapeInvalid: a value violates its constraint.
    """
    try:
        data.decode()
        value = msgspec.json.decode(data or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"1 validation error detected. {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body {malformed_reason(data, error)}") from error
    check(value)
    return value
