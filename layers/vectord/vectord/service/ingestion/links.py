"""Links to upload a file with one PUT."""

from typing import Final

import msgspec

from vectord.errors import FileRefused, IndexNotFound, RequestInvalid
from vectord.lhv1 import params
from vectord.readers.files import SUFFIXES, is_ingestible
from vectord.service.ingestion.uploads import MAX_KEY_BYTES, UPLOADS, is_hidden, target_of
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.options import Deadline
from vectord.storage.inbox import MAX_PUT_BYTES, Inbox

LINK_SECONDS: Final = 900


class UploadLink(msgspec.Struct, frozen=True):
    """A URL to PUT a file to and the headers of the request; the key of the file; the seconds for which it is valid."""

    key: str
    url: str
    headers: dict[str, str]
    expires: int


class UploadLinks:
    """Creates links to upload files of at most `max_file_bytes` into one inbox."""

    def __init__(self, inbox: Inbox, reader: SnapshotReader, max_file_bytes: int) -> None:
        self._inbox, self._reader = inbox, reader
        self._max_bytes = min(max_file_bytes, MAX_PUT_BYTES)

    def create(self, name: str, file: str, size: int, deadline: Deadline) -> UploadLink:
        """Return a link that allows its holder to put one `file` of `size` bytes into the inbox of index `name`.

        It is valid for LINK_SECONDS. Its key contains a random token, so that two links never lead to one key.

        Raises:
            RequestInvalid: the file's name has no known suffix, is too long, or leaves the index's folder; or a file
                of that size could not be ingested.
            IndexNotFound, StorageSilent, StoreRefused
        """
        key = f"{UPLOADS}{name}/{self._reader.environment.new_id()}/{file}"
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        self._check(key, file, size)
        self._reader.etag(name, deadline)  # raises IndexNotFound
        signed = self._inbox.link(key, size, LINK_SECONDS)
        return UploadLink(key, signed.url, signed.headers, LINK_SECONDS)

    def _check(self, key: str, file: str, size: int) -> None:
        """Raise RequestInvalid if a file could not be ingested."""
        if not is_ingestible(file):
            raise RequestInvalid(f"file must end with one of {', '.join(SUFFIXES)}, not {file!r}")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise RequestInvalid(
                f"file is too long: as {UPLOADS}<index>/<token>/<file> it may have at most {MAX_KEY_BYTES:,} bytes"
            )
        if not 1 <= size <= self._max_bytes:
            raise RequestInvalid(f"bytes must be 1 to {self._max_bytes:,}, not {size:,}; split a larger file")
        if is_hidden(file):
            raise RequestInvalid(f"file cannot be {file!r}: names that begin with '.' or '_' are ignored")
        try:
            target_of(key)
        except FileRefused as error:
            raise RequestInvalid(f"file cannot be {file!r}: {error}") from error
