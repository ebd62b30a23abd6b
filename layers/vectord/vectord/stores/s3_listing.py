"""Listings of S3 by boto3: imported at the first of them, since neither a search nor an add makes any."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vectord.stores.s3_client import classified

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_PAGE: Final = 1_000  # what one ListObjectsV2 answers at most


class S3Listing(msgspec.Struct, frozen=True):
    """The keys of one bucket."""

    client: "S3Client"
    bucket: str

    def keys(self, prefix: str, after: str | None) -> "Iterator[ObjectTypeDef]":
        """Yield the objects whose keys start with `prefix` and have no further `/`, after the key `after`."""
        terms: Any = {"StartAfter": after} if after else {}
        while True:
            with classified():
                answer = self.client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, Delimiter="/", MaxKeys=_PAGE, **terms
                )
            yield from answer.get("Contents", ())
            if not answer["IsTruncated"]:
                return
            terms = {"ContinuationToken": answer["NextContinuationToken"]}
