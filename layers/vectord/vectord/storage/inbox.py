"""The inbox protocol: uploaded files by key, each pinned to the version that an event names."""

from typing import Protocol

import msgspec


class UploadedFile(msgspec.Struct, frozen=True):
    """One version of one uploaded file, as S3's event names it; `size` in bytes, `etag` without quotes."""

    bucket: str
    key: str
    etag: str
    sequencer: str
    size: int


class Inbox(Protocol):
    """Uploaded files. Every method may raise StoreUnavailable or StoreRefused."""

    def fetch(self, upload: UploadedFile) -> bytes:
        """Return the bytes of the file.

        Raises:
            ConditionFailed: another version has replaced it.
            ObjectNotFound: it was deleted.
        """

    def report(self, upload: UploadedFile, key: str, body: bytes) -> None:
        """Write a JSON report under `key` into the bucket of the file."""

    def link(self, key: str, seconds: int) -> str:
        """Return a presigned URL with which its holder can PUT a file as `key` for `seconds`."""
