"""The shapes of answers, named as in the model of S3 Vectors (API version 2025-07-15)."""

from collections.abc import Mapping, Sequence

import msgspec

from vectord.edge.s3vectors.shapes import EncryptionConfiguration, MetadataConfiguration


class Answer(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A structure that only answers have; a field that is None is left out."""


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
