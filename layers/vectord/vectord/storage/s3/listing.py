"""Listings of S3 by boto3: imported at the first of them, since neither a search nor an add makes any."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vectord.errors import StoreUnavailable
from vectord.storage.s3.client import classified

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_PAGE: Final = 1_000  # what one ListObjectsV2 answers at most


class S3Listing(msgspec.Struct, frozen=True):
    """The keys of one bucket, of which one request lists `page` at most."""

    client: "S3Client"
    bucket: str
    page: int = _PAGE

    def keys(self, prefix: str, after: str | None) -> "Iterator[ObjectTypeDef]":
        """Yield the objects whose keys start with `prefix` and have no further `/`, after the key `after`.

        Raises:
            StoreUnavailable, StoreRefused
        """
        terms: Any = {"StartAfter": after} if after else {}
        while True:
            with classified():
                answer = self.client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, Delimiter="/", MaxKeys=self.page, **terms
                )
            # boto3 takes an answer that ends before its body for one of an empty body.
            if "IsTruncated" not in answer or (answer["IsTruncated"] and "NextContinuationToken" not in answer):
                raise StoreUnavailable("half a page of a listing")
            yield from answer.get("Contents", ())
            if not answer["IsTruncated"]:
                return
            terms = {"ContinuationToken": answer["NextContinuationToken"]}
