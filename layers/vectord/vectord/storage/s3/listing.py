"""Listings from S3 by boto3: the keys of a bucket, and the versions of one key."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from vectord.errors import ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import ObjectVersion, VersionPage
from vectord.storage.boto import botocore_errors
from vectord.storage.s3.errors import checked_etag, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAGE: Final = 1_000  # entries that S3 returns at most


class S3Listing:
    """Listings of one bucket; one request returns at most `page` keys."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str, page: int = _PAGE) -> None:
        self._client, self._bucket, self._page_size = client, bucket, page

    def keys(self, prefix: str, after: str | None) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of the keys that start with `prefix`, have no further `/` and come after the key `after`.

        Raises:
            StoreUnavailable, StoreRefused
        """
        terms: dict[str, Any] = {"StartAfter": after} if after else {}
        client = self._client()
        while True:
            with botocore_errors(refusal):
                page: Any = client.list_objects_v2(
                    Bucket=self._bucket, Prefix=prefix, Delimiter="/", MaxKeys=self._page_size, **terms
                )
            if "IsTruncated" not in page or (page["IsTruncated"] and not page.get("NextContinuationToken")):
                raise StoreUnavailable("an incomplete listing")
            yield from page.get("Contents", ())
            if not page["IsTruncated"]:
                return
            terms = {"ContinuationToken": page["NextContinuationToken"]}

    def versions(self, key: str, limit: int, after: str | None) -> VersionPage:
        """Return up to `limit` versions of `key`, newest first, older than the one with the id `after`."""
        found: list[ObjectVersion] = []
        for version in self._each_version(key, limit + 1, after):
            if len(found) == limit:
                return VersionPage(tuple(found), found[-1].id)
            found.append(version)
        return VersionPage(tuple(found), None)

    def _each_version(self, key: str, most: int, after: str | None) -> Iterator[ObjectVersion]:
        """Yield the versions of `key`, newest first. S3 lists the versions of longer keys after them."""
        terms: dict[str, Any] = {"KeyMarker": key, "VersionIdMarker": after} if after else {}
        while True:
            page = self._page(key, min(most, _PAGE), terms, after)
            for owner, version in _in_order(page):
                if owner != key:
                    return
                yield version
            if not page["IsTruncated"] or page["NextKeyMarker"] != key:
                return
            terms = {"KeyMarker": key, "VersionIdMarker": page["NextVersionIdMarker"]}

    def _page(self, key: str, most: int, terms: Mapping[str, Any], after: str | None) -> Mapping[str, Any]:
        client = self._client()
        try:
            with botocore_errors(refusal):
                page: Mapping[str, Any] = client.list_object_versions(
                    Bucket=self._bucket, Prefix=key, MaxKeys=most, **terms
                )
        except StoreRefused as error:
            if after and str(error) == "InvalidArgument":  # S3 never made such an id
                raise ObjectVersionNotFound(after) from error
            raise
        markers = page.get("NextKeyMarker") and page.get("NextVersionIdMarker")
        if "IsTruncated" not in page or (page["IsTruncated"] and not markers):
            raise StoreUnavailable("an incomplete listing")
        return page


def _in_order(page: Mapping[str, Any]) -> Iterator[tuple[str, ObjectVersion]]:
    """Yield the key and each version or deletion of a page as S3 lists them; `Order` is from `s3.client`."""
    try:
        entries = {(one["Key"], one["VersionId"]): one for one in page.get("Versions", ())}
        entries |= {(one["Key"], one["VersionId"]): one for one in page.get("DeleteMarkers", ())}
        for place in page["Order"]:
            yield place[0], _version(entries[place])
    except KeyError as error:
        raise StoreUnavailable("an incomplete listing") from error


def _version(entry: Mapping[str, Any]) -> ObjectVersion:
    """Return an entry as a version; deletions have neither size nor ETag."""
    deleted = "Size" not in entry and "ETag" not in entry
    etag = None if deleted else checked_etag(entry["ETag"])
    size = 0 if deleted else entry["Size"]
    return ObjectVersion(entry["VersionId"], etag, size, entry["LastModified"], entry["IsLatest"], deleted)
