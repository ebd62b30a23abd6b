"""Listings from S3 by boto3: the keys of a bucket, and the versions of one key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vectord.errors import ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import ObjectVersion, VersionPage
from vectord.storage.boto import botocore_errors
from vectord.storage.s3.errors import checked_etag, store_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAX_PAGE: Final = 1_000  # entries; S3 returns at most this many


class Upload(msgspec.Struct, frozen=True):
    """A multipart upload in progress; S3 rounds the time at which it began to whole seconds."""

    key: str
    id: str
    began: datetime


class S3Listing:
    """Listings of one bucket; one request returns at most `page` keys."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str, page: int = _MAX_PAGE) -> None:
        self._client, self._bucket, self._page_size = client, bucket, page

    def pages(self, prefix: str, after: str | None) -> Iterator[tuple[Sequence[Mapping[str, Any]], bool]]:
        """Yield pages of the keys that start with `prefix`, have no further `/` and come after the text `after`.

        A page has the entries of keys in their order, and True if it is the last one.

        Raises:
            StoreUnavailable, StoreRefused: as every method of a store.
        """
        paging: dict[str, Any] = {"StartAfter": after} if after else {}
        while True:
            page = self._keys(prefix, self._page_size, paging)
            yield page.get("Contents", ()), not page["IsTruncated"]
            if not page["IsTruncated"]:
                return
            paging = {"ContinuationToken": page["NextContinuationToken"]}

    def entry(self, key: str) -> Mapping[str, Any] | None:
        """Return the entry of one key; None if it does not exist."""
        entries = self._keys(key, 1, {}).get("Contents", ())
        return next((entry for entry in entries if entry["Key"] == key), None)

    def _keys(self, prefix: str, limit: int, paging: Mapping[str, Any]) -> Mapping[str, Any]:
        client = self._client()
        with botocore_errors(store_error):
            page: Any = client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/", MaxKeys=limit, **paging
            )
        if "IsTruncated" not in page or (page["IsTruncated"] and not page.get("NextContinuationToken")):
            raise StoreUnavailable("an incomplete listing")
        listed: Mapping[str, Any] = page
        return listed

    def versions(self, key: str, limit: int, after: str | None) -> VersionPage:
        """Return up to `limit` versions of `key`, newest first, older than the one with the id `after`."""
        versions: list[ObjectVersion] = []
        for version in self._each_version(key, limit + 1, after):
            if len(versions) == limit:
                return VersionPage(tuple(versions), versions[-1].id)
            versions.append(version)
        return VersionPage(tuple(versions), None)

    def _each_version(self, key: str, limit: int, after: str | None) -> Iterator[ObjectVersion]:
        """Yield the versions of `key`, newest first. S3 lists the versions of longer keys after them."""
        paging: dict[str, Any] = {"KeyMarker": key, "VersionIdMarker": after} if after else {}
        while True:
            page = self._page(key, min(limit, _MAX_PAGE), paging, after)
            for listed_key, version in _ordered_versions(page):
                if listed_key != key:
                    return
                yield version
            if not page["IsTruncated"] or page["NextKeyMarker"] != key:
                return
            paging = {"KeyMarker": key, "VersionIdMarker": page["NextVersionIdMarker"]}

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Yield the multipart uploads in progress of all keys that start with `prefix`."""
        client, paging = self._client(), dict[str, Any]()
        while True:
            with botocore_errors(store_error):
                page: Any = client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix, **paging)
            try:
                yield from (Upload(one["Key"], one["UploadId"], one["Initiated"]) for one in page.get("Uploads", ()))
            except KeyError as error:
                raise StoreUnavailable("an incomplete listing") from error
            if not page.get("IsTruncated"):
                return
            if not page.get("NextKeyMarker"):
                raise StoreUnavailable("an incomplete listing")
            paging = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker", "")}

    def all_versions(self, prefix: str) -> Iterator[tuple[str, ObjectVersion]]:
        """Yield the key and each version of every key that starts with `prefix`: by key, newest first."""
        paging: dict[str, Any] = {}
        while True:
            page = self._page(prefix, _MAX_PAGE, paging, None)
            yield from _ordered_versions(page)
            if not page["IsTruncated"]:
                return
            paging = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _page(self, key: str, limit: int, paging: Mapping[str, Any], after: str | None) -> Mapping[str, Any]:
        client = self._client()
        try:
            with botocore_errors(store_error):
                page: Mapping[str, Any] = client.list_object_versions(
                    Bucket=self._bucket, Prefix=key, MaxKeys=limit, **paging
                )
        except StoreRefused as error:
            if after and str(error) == "InvalidArgument":  # the id cannot be one of S3's
                raise ObjectVersionNotFound(after) from error
            raise
        markers = page.get("NextKeyMarker") and page.get("NextVersionIdMarker")
        if "IsTruncated" not in page or (page["IsTruncated"] and not markers):
            raise StoreUnavailable("an incomplete listing")
        return page


def _ordered_versions(page: Mapping[str, Any]) -> Iterator[tuple[str, ObjectVersion]]:
    """Yield the key and the version of each entry of a page, in the order in which S3 lists them.

    `s3.client` adds this order to the page as `Order`. A deletion is a version, too.
    """
    try:
        entries = {(entry["Key"], entry["VersionId"]): entry for entry in page.get("Versions", ())}
        entries |= {(entry["Key"], entry["VersionId"]): entry for entry in page.get("DeleteMarkers", ())}
        for key_and_id in page["Order"]:
            yield key_and_id[0], _version(entries[key_and_id])
    except KeyError as error:
        raise StoreUnavailable("an incomplete listing") from error


def _version(entry: Mapping[str, Any]) -> ObjectVersion:
    """Return an entry as a version; deletions have neither size nor ETag."""
    deleted = "Size" not in entry and "ETag" not in entry
    etag = None if deleted else checked_etag(entry["ETag"])
    size = 0 if deleted else entry["Size"]
    return ObjectVersion(entry["VersionId"], etag, size, entry["LastModified"], entry["IsLatest"], deleted)
