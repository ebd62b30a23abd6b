"""The shapes of requests and answers about vector buckets, policies, indexes and tags, named as in AWS's model."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from vectord.edge.s3vectors.constraints import Between, Length, OneOf
from vectord.edge.s3vectors.shapes import (
    Answer,
    IndexMode,
    IndexName,
    MetadataKey,
    OfBucket,
    OfIndex,
    Shape,
    VectorBucketName,
)

type Dimension = Annotated[int, Between(1, 4096)]
type DataType = Annotated[str, OneOf(("float32",))]
type DistanceMetric = Annotated[str, OneOf(("euclidean", "cosine"))]
type SseType = Annotated[str, OneOf(("AES256", "aws:kms"))]
type NonFilterableMetadataKeys = Annotated[list[MetadataKey], Length(0, 10)]
type TagKey = Annotated[str, Length(1, 128)]
type TagValue = Annotated[str, Length(0, 256)]
type TagsMap = dict[TagKey, TagValue]
type LanguageCode = Annotated[str, OneOf(("en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"))]
type AnalyzerStatus = Annotated[str, OneOf(("ACTIVE", "BUILDING"))]


class EncryptionConfiguration(Shape, omit_defaults=True):
    sse_type: SseType | None = None
    kms_key_arn: Annotated[str, Length(1, 2048)] | None = None


class TextSearchConfiguration(Shape, omit_defaults=True):
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


class TagResourceInput(Shape):
    tags: TagsMap


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


class ListTagsForResourceOutput(Answer):
    tags: Mapping[str, str]
