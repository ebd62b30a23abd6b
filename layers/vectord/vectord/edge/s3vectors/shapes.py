"""The shapes of requests, named as in the model of S3 Vectors (API version 2025-07-15), with its constraints.

A field that a request leaves out, or sends as null, is None.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Final

import msgspec

from vectord.edge.encoding import MAX_DECODED
from vectord.edge.s3vectors.constraints import MAX_ERRORS, Between, Length, OneOf, check
from vectord.edge.s3vectors.faults import ShapeInvalid
from vectord.edge.s3vectors.mismatches import mismatches
from vectord.edge.schemas.bodies import repeated_field
from vectord.edge.schemas.large_bodies import LARGE, check_count
from vectord.errors import MalformedJson, RequestInvalid, RequestTooLarge
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


# The most bytes of a body, so that what it decodes to does not fill the memory of a function.
_SMALL: Final = 1 << 20
_MOST_BYTES: Final[Mapping[type[msgspec.Struct], int]] = {
    PutVectorsInput: MAX_DECODED,
    GetVectorsInput: 2 << 20,
    DeleteVectorsInput: 6 << 20,
    QueryVectorsInput: MAX_DECODED,
}
# Fields with objects, and how many they may have; those of a body with very many objects are counted first.
_OBJECTS: Final[Mapping[type[msgspec.Struct], tuple[str, int]]] = {
    PutVectorsInput: ("vectors", 500),
    QueryVectorsInput: ("queryTexts", 10),
}
_MANY_OBJECTS: Final = 20_000  # as values of Python they need some 10 MB


def decode[T: msgspec.Struct](data: bytes, shape: type[T]) -> T:
    """Return the body of a request.

    Raises:
        MalformedJson: it is not JSON.
        RequestInvalid: a field is unknown, missing or repeated, or has another type.
        ShapeInvalid: a value violates its constraint.
        RequestTooLarge: it has more bytes than any valid one.
    """
    if len(data) > (most := _MOST_BYTES.get(shape, _SMALL)):
        raise RequestTooLarge(f"A request of this operation has at most {most:,} bytes.")
    try:
        data.decode()
        if shape in _OBJECTS and data.count(b"{") > _MANY_OBJECTS:
            check_count(data, *_OBJECTS[shape])
        value = msgspec.json.decode(data or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise _refusal(data, shape, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body {malformed_reason(data, error)}") from error
    if repeated := repeated_field(data, shape):
        raise RequestInvalid(f"The body has the field {repeated!r} more than once. Send it once.")
    check(value)
    return value


def _refusal(data: bytes, shape: type[msgspec.Struct], error: msgspec.ValidationError) -> RequestInvalid:
    """Return the error for a body that is not a `shape`, or not JSON behind the first wrong member.

    Of a large body it names the first wrong member alone.
    """
    try:
        msgspec.json.decode(data or b"{}", type=msgspec.Raw)  # to the end of the body
        if len(data) > LARGE:
            return RequestInvalid(f"1 validation error detected. {error}.")
        found = list(islice(mismatches(data or b"{}", shape), MAX_ERRORS))
    except (msgspec.DecodeError, RecursionError) as malformed:
        return MalformedJson(f"The body {malformed_reason(data, malformed)}")
    if not found:  # the last value of a repeated member is valid, an earlier one is not
        return RequestInvalid(f"1 validation error detected. A member is repeated. Send each member once. ({error})")
    return ShapeInvalid(found)
