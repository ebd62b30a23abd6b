"""What the shapes of all operations are made of, named as in the model of S3 Vectors (API version 2025-07-15)."""

from typing import Annotated, ClassVar, Final

import msgspec

from vectord.edge.s3vectors.constraints import Length, OneOf

MODES: Final = ("CLASSIC", "ENHANCED")

type VectorBucketName = Annotated[str, Length(3, 63)]
type IndexName = Annotated[str, Length(3, 63)]
type IndexMode = Annotated[str, OneOf(MODES)]
type MetadataKey = Annotated[str, Length(1, 63)]


class Shape(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A structure of requests. An unknown field is refused, because it could change what a request means.

    A field that a request leaves out, or sends as null, is None.
    """

    max_bytes: ClassVar[int] = 1 << 20
    """The most bytes of a body, so that what it decodes to does not fill the memory of a function."""
    objects: ClassVar[tuple[str, int] | None] = None
    """A field with objects, and how many it may have; those of a body with very many objects are counted first."""


class OfIndex(Shape):
    """The members of a request that names an index."""

    vector_bucket_name: VectorBucketName | None = None
    index_name: IndexName | None = None
    index_arn: str | None = None


class OfBucket(Shape):
    """The members of a request that names a vector bucket."""

    vector_bucket_name: VectorBucketName | None = None
    vector_bucket_arn: str | None = None


class Answer(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A structure that only answers have; a field that is None is left out."""


class EmptyOutput(Answer):
    """The answer of an operation that returns nothing."""
