"""Listings of one object's versions in S3. No boto3: it would lose how deletions lie between the other versions."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from vectord.errors import ObjectVersionNotFound, StoreUnavailable
from vectord.storage.base import ObjectVersion, VersionPage
from vectord.storage.s3.answers import code_of, document, fields_in, present
from vectord.storage.s3.requests import Requests

_PAGE: Final = 1_000  # what one ListObjectVersions answers at most
_ENTRY: Final = re.compile(rb"<(Version|DeleteMarker)>(.*?)</\1>", re.DOTALL)


def listed(requests: Requests, key: str, limit: int, after: str | None) -> VersionPage:
    """Return up to `limit` versions of `key`, newest first, after the one whose id is `after`."""
    found: list[ObjectVersion] = []
    for version in _each(requests, key, limit + 1, after):
        if len(found) == limit:
            return VersionPage(tuple(found), found[-1].id)
        found.append(version)
    return VersionPage(tuple(found), None)


def _each(requests: Requests, key: str, most: int, after: str | None) -> Iterator[ObjectVersion]:
    """Yield the versions of `key`, which come before those of longer keys, as S3 lists them: newest first."""
    query = {"versions": "", "prefix": key, "max-keys": str(min(most, _PAGE))}
    marker = {"key-marker": key, "version-id-marker": after} if after else {}
    while True:
        answer = requests.ask("GET", "", {}, query=query | marker)
        if after and answer.status == 400 and code_of(answer) == "InvalidArgument":
            raise ObjectVersionNotFound(after)  # S3 never gave such an id
        body = document(answer, "ListVersionsResult")
        for kind, text in _ENTRY.findall(body):
            entry = fields_in(text)
            if present(entry, "Key") != key:
                return
            yield _version(entry, deleted=kind == b"DeleteMarker")
        rest = fields_in(_ENTRY.sub(b"", body))
        if present(rest, "IsTruncated") != "true" or present(rest, "NextKeyMarker") != key:
            return
        marker = {"key-marker": key, "version-id-marker": present(rest, "NextVersionIdMarker")}


def _version(entry: Mapping[str, str], *, deleted: bool) -> ObjectVersion:
    try:
        modified = datetime.fromisoformat(present(entry, "LastModified"))
        size = 0 if deleted else int(present(entry, "Size"))
    except ValueError as error:
        raise StoreUnavailable("a listing that is not S3's") from error
    return ObjectVersion(
        present(entry, "VersionId"),
        None if deleted else present(entry, "ETag"),
        size,
        modified,
        present(entry, "IsLatest") == "true",
        deleted,
    )
