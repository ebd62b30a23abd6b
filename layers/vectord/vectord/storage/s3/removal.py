"""Remove versions, staged objects and unfinished uploads from S3 for ever, by boto3. Only maintenance does that."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched, groupby
from operator import itemgetter
from typing import Any, Final

from vectord.errors import StoreUnavailable
from vectord.lhv1 import params
from vectord.storage.base import ObjectVersion
from vectord.storage.boto import Lazy, botocore_errors
from vectord.storage.limits import CHANGES, HISTORY, STAGING
from vectord.storage.removal import History, Leftovers
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.errors import store_error
from vectord.storage.s3.listing import S3Listing, Upload
from vectord.storage.s3.names import SUFFIX

_MOST: Final = 1_000  # versions that S3 removes in one request


class S3Remover:
    """Removes from the objects of one bucket whose keys are under a prefix; a `VersionRemover` beside `S3Store`."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._client = Lazy(lambda: s3_client(bucket))
        self._bucket, self._folder = bucket.name, f"{prefix}/" if prefix else ""
        self._listing = S3Listing(self._client, bucket.name)

    def histories(self) -> Iterator[History]:
        """Yield the versions of each index and shard, by key."""
        for key, versions in self._histories(""):
            name = key.removeprefix(self._folder).removesuffix(SUFFIX)
            if key.endswith(SUFFIX) and params.is_blob_name(name):
                yield History(name, versions)

    def remove_versions(self, name: str, versions: Sequence[str]) -> None:
        self._remove(f"{self._folder}{name}{SUFFIX}", versions)

    def _remove(self, key: str, versions: Iterable[str]) -> None:
        """Remove versions of a key for ever."""
        client = self._client()
        for ids in batched(versions, _MOST):
            objects: Any = [{"Key": key, "VersionId": version} for version in ids]
            with botocore_errors(store_error):
                done = client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            for error in done.get("Errors", ()):
                code = error.get("Code", "")
                raise store_error(code, 500 if code == "InternalError" else 403)

    def remove_leftovers(self, before: datetime) -> Leftovers:
        removed = size = 0
        for folder in (STAGING, HISTORY, CHANGES):
            for key, versions in self._histories(folder):
                old = [one for one in versions if _is_leftover(one, before, staged=folder == STAGING)]
                self._remove(key, [one.id for one in old])
                removed, size = removed + len(old), size + sum(one.bytes for one in old)
        return Leftovers(removed, size, self._abort_uploads(before))

    def _histories(self, folder: str) -> Iterator[tuple[str, tuple[ObjectVersion, ...]]]:
        found = self._listing.all_versions(self._folder + folder)
        for key, entries in groupby(found, itemgetter(0)):
            yield key, tuple(version for _, version in entries)

    def _abort_uploads(self, before: datetime) -> int:
        """Abort the multipart uploads that began before a time; return how many."""
        return sum(upload.began < before and self._abort(upload) for upload in self._listing.uploads(self._folder))

    def _abort(self, upload: Upload) -> bool:
        """Abort an upload; return False if it was completed or aborted meanwhile."""
        client = self._client()
        try:
            with botocore_errors(store_error):
                client.abort_multipart_upload(Bucket=self._bucket, Key=upload.key, UploadId=upload.id)
        except StoreUnavailable as error:
            if str(error) != "NoSuchUpload":
                raise
            return False
        return True


def _is_leftover(version: ObjectVersion, before: datetime, *, staged: bool) -> bool:
    """Return True for an old version, and for a staged object from `before`; a deletion is left to the bucket's rule.

    If a deletion that is the latest version were removed, the version before it would be the present one again.
    """
    return not version.deleted and (not version.latest or (staged and version.modified < before))
