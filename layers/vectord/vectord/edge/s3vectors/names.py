"""Names and ARNs of vector buckets and their indexes.

The index `films` of the vector bucket `media` is the native index `media_films`. Names of S3 Vectors have no `_`.
"""

import re
from typing import Final, Protocol

import msgspec

from vectord.edge.s3vectors.faults import FieldError, FieldsInvalid, OtherAccount
from vectord.errors import RequestInvalid
from vectord.service.buckets import values

_NAME: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"  # re compiles it at its first use
_RULE: Final = "Use 3 to 63 of a-z, 0-9, '.' and '-', with a letter or digit first and last."
_RESOURCE: Final = rf"bucket/({_NAME})(?:/index/({_NAME}))?"


class IndexName(msgspec.Struct, frozen=True):
    """The names of a vector bucket and of an index in it."""

    bucket: str
    index: str

    @property
    def native(self) -> str:
        """The name of the index in the native API."""
        return values.index_name(self.bucket, self.index)


class Resource(msgspec.Struct, frozen=True):
    """What an ARN names: a vector bucket, or an index if `index` is not None."""

    bucket: str
    index: str | None = None


class NamesBucket(Protocol):
    """A request with the name or the ARN of a vector bucket."""

    @property
    def vector_bucket_name(self) -> str | None: ...
    @property
    def vector_bucket_arn(self) -> str | None: ...


class NamesIndex(Protocol):
    """A request with the names of a vector bucket and an index, or the ARN of an index."""

    @property
    def vector_bucket_name(self) -> str | None: ...
    @property
    def index_name(self) -> str | None: ...
    @property
    def index_arn(self) -> str | None: ...


class Arns(msgspec.Struct, frozen=True):
    """The ARNs of one account and region; `prefix` is `arn:PARTITION:s3vectors:REGION:ACCOUNT`."""

    prefix: str

    @property
    def account(self) -> str:
        return self.prefix.rpartition(":")[2]

    def bucket(self, name: str) -> str:
        """Return the ARN of a vector bucket."""
        return f"{self.prefix}:bucket/{name}"

    def index(self, name: IndexName) -> str:
        """Return the ARN of an index."""
        return f"{self.bucket(name.bucket)}/index/{name.index}"

    def resource(self, arn: str) -> Resource:
        """Return the vector bucket or index that an ARN names.

        Raises:
            RequestInvalid: it is not an ARN of S3 Vectors, or is of another region or partition.
            OtherAccount
        """
        prefix, account = self.prefix.rpartition(":")[0], self.account
        start, _, rest = arn.partition(":bucket/")
        found = re.fullmatch(_RESOURCE, f"bucket/{rest}")
        parts = start.split(":")
        if found is None or len(parts) != 5 or parts[0] != "arn" or parts[2] != "s3vectors":
            raise RequestInvalid(f"{arn!r} is not the ARN of a vector bucket or of an index: {self.bucket('NAME')}")
        if ":".join(parts[:4]) != prefix:
            raise RequestInvalid(
                f"{arn!r} is of another region or partition. The ARNs of this vectord begin with {self.prefix}."
            )
        if parts[4] != account:
            raise OtherAccount(arn, account)
        return Resource(found[1], found[2])

    def bucket_name(self, request: NamesBucket) -> str:
        """Return the name of the vector bucket that a request names.

        Raises:
            RequestInvalid: it has neither a name nor an ARN, or both; or the name is not valid.
            OtherAccount
        """
        name, arn = request.vector_bucket_name, request.vector_bucket_arn
        if (name is None) == (arn is None):
            raise RequestInvalid("Must specify either vectorBucketName or vectorBucketArn but not both")
        if arn is None:
            return check_bucket_name(name or "")
        resource = self.resource(arn)
        if resource.index is not None:
            raise RequestInvalid(f"{arn!r} is the ARN of an index, not of a vector bucket")
        return resource.bucket

    def index_name(self, request: NamesIndex) -> IndexName:
        """Return the names of the index that a request names.

        Raises:
            RequestInvalid: it does not have exactly one of an ARN and both names; or a name is not valid.
            OtherAccount
        """
        bucket, index, arn = request.vector_bucket_name, request.index_name, request.index_arn
        if arn is None and bucket is not None and index is not None:
            return IndexName(check_bucket_name(bucket), check_index_name(index))
        if arn is None or bucket is not None or index is not None:
            raise RequestInvalid("Must specify either indexArn or both vectorBucketName and indexName")
        resource = self.resource(arn)
        if resource.index is None:
            raise RequestInvalid(f"{arn!r} is the ARN of a vector bucket, not of an index")
        return IndexName(resource.bucket, resource.index)


def check_bucket_name(name: str) -> str:
    """Return the name of a vector bucket; raise RequestInvalid if it is not one."""
    if not values.is_bucket_name(name):
        raise FieldsInvalid("Invalid vector bucket name", [FieldError("vectorBucketName", _RULE)])
    return name


def check_index_name(name: str) -> str:
    """Return the name of an index; raise RequestInvalid if it is not one."""
    if not values.is_bucket_name(name):
        raise FieldsInvalid("Invalid index name", [FieldError("indexName", _RULE)])
    return name
