"""The inbox protocol: uploaded files by key, each pinned to the version that an event names, and reports on them."""

from typing import Final, Protocol

import msgspec

MAX_PUT_BYTES: Final = 5 << 30  # of one PUT to S3


class UploadedFile(msgspec.Struct, frozen=True):
    """One version of one file in the inbox, as S3's event names it; `size` in bytes, `etag` without quotes.

    `principal` is S3's id of the principal that wrote the file.
    """

    key: str
    etag: str
    sequencer: str
    size: int
    principal: str | None = None


class Replacement(msgspec.Struct, frozen=True):
    """The present version of a file: its ETag without quotes, and when it was put, as an RFC 3339 time."""

    etag: str
    modified: str


class StoredReport(msgspec.Struct, frozen=True):
    """The bytes of a report, and the ETag of its object."""

    data: bytes
    etag: str


class SignedPut(msgspec.Struct, frozen=True):
    """A presigned URL to PUT a file to, and the headers that the request must have."""

    url: str
    headers: dict[str, str]


class Inbox(Protocol):
    """Uploaded files, and the reports on them, in one bucket.

    Every method may raise StoreUnavailable or StoreRefused.
    """

    @property
    def bucket(self) -> str:
        """The name of the bucket: no file of another one is read, and no report is written there."""

    def fetch(self, upload: UploadedFile) -> bytes:
        """Return the bytes of the file.

        Raises:
            ConditionFailed: another version has replaced it.
            ObjectNotFound: it was deleted.
        """

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        """Return the version that has replaced the file; None if that has the same ETag, or the file was deleted."""

    def write_report(self, key: str, body: bytes) -> None:
        """Write a JSON report under `key`."""

    def read_report(self, key: str) -> StoredReport | None:
        """Return the report under `key`; None if there is none."""

    def remove_report(self, key: str, etag: str) -> None:
        """Remove the report under `key` if it still has `etag`."""

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        """Return a link with which its holder can PUT a file of `size` bytes as the new object `key` for `seconds`."""
