"""What ingestion asks of the inbox: uploaded files by key, each pinned to the version that an event speaks of."""

from typing import Protocol

import msgspec


class UploadedFile(msgspec.Struct, frozen=True):
    """One version of one uploaded file, as S3's event names it; `size` in bytes, `etag` without quotes as there."""

    bucket: str
    key: str
    etag: str
    sequencer: str
    size: int


class Inbox(Protocol):
    """Uploaded files. Every method may raise StoreUnavailable or StoreRefused."""

    def fetch(self, upload: UploadedFile) -> bytes:
        """Return the file's bytes.

        Raises:
            ConditionFailed: another version has replaced it.
            ObjectNotFound: it is deleted.
        """

    def report(self, upload: UploadedFile, key: str, body: bytes) -> None:
        """Write a JSON report under `key`, beside the file."""

    def link(self, key: str, seconds: int) -> str:
        """Return a URL to which anybody may PUT a file as `key` for so long."""
