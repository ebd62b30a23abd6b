"""The inbox of a folder: uploaded files until they are ingested, and the reports on those that were refused.

    .inbox/uploads/<index>/<token>/<file>           a file that waits for its ingestion
    .inbox/rejected/<index>/<token>/<file>.json     the report on a file that was refused

These are the keys of the inbox bucket of a deployed stack. Characters that no name of a file can have on some file
system are percent-encoded.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, unquote

from vectord.errors import ConditionFailed, ObjectNotFound, RequestInvalid
from vectord.service.ingestion.uploads import UPLOADS, target_of
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.inbox import Replacement, SignedPut, StoredReport, UploadedFile

FOLDER: Final = ".inbox"
_LONGEST_NAME: Final = 200  # bytes; file systems accept 255, and the name of a report is longer
_ESCAPED: Final = re.compile(r'[%\x00-\x1f\x7f\\:*?"<>|\ud800-\udfff]')
_CHUNK: Final = 1 << 20


class SignUpload(Protocol):
    """Returns the URL for the PUT of a file `key` with `size` bytes, valid for some seconds."""

    def __call__(self, key: str, size: int, seconds: int) -> str: ...


class Readable(Protocol):
    """The bytes of a file that is being received."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class FolderInbox:
    """An Inbox in a folder. A file never changes once it has its name, and `sequencer` is the time of its upload."""

    bucket = FOLDER

    def __init__(self, folder: Path, sign: SignUpload) -> None:
        """Use `folder`, which need not exist."""
        self._folder, self._sign = folder, sign

    def receive(self, key: str, body: Readable) -> UploadedFile:
        """Write the file `key` as a whole or not at all, and return it.

        Raises:
            FileRefused: the key is not `uploads/<index>/<file>`, or leaves the folder.
            ConditionFailed: the file exists.
            StoreRefused, StoreUnavailable: the disk is full, or the folder cannot be written.
        """
        target_of(key)
        path = self._path(key)
        with TRANSLATED:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{secrets.token_hex(8)}.part")
            try:
                self._write(partial, body)
                os.link(partial, path)  # fails if the file exists, unlike a renaming
            except FileExistsError:
                raise ConditionFailed(key) from None
            finally:
                partial.unlink(missing_ok=True)
        return self._upload(key, path)

    def waiting(self) -> Iterator[UploadedFile]:
        """Yield the files that were received and not ingested, oldest first."""
        root = self._folder / UPLOADS.rstrip("/")
        with TRANSLATED:
            paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
            paths = [path for path in paths if not path.name.endswith(".part")]
            found = [self._upload(_key(path.relative_to(self._folder)), path) for path in paths]
        yield from sorted(found, key=lambda upload: upload.sequencer)

    def remove(self, upload: UploadedFile) -> None:
        """Remove a file that was ingested or refused, and the folders that are empty without it."""
        path = self._path(upload.key)
        with TRANSLATED:
            path.unlink(missing_ok=True)
        uploads = self._folder / UPLOADS.rstrip("/")
        with suppress(OSError):  # a folder is not empty
            for folder in path.parents:
                if folder.parent.parent == uploads:  # the token's is the last: the index's may be in use
                    break
                folder.rmdir()

    def fetch(self, upload: UploadedFile) -> bytes:
        """Return the bytes of the file."""
        path = self._path(upload.key)
        with TRANSLATED:
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                raise ObjectNotFound(upload.key) from None
            if self._upload(upload.key, path).etag != upload.etag:
                raise ConditionFailed(upload.key)
        return data

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        """Return the version that has replaced the file; there is one only if a program wrote into the folder."""
        path = self._path(upload.key)
        with TRANSLATED:
            try:
                present = self._upload(upload.key, path)
            except FileNotFoundError:
                return None
        if present.etag == upload.etag:
            return None
        modified = datetime.fromtimestamp(int(present.sequencer, 16) / 1e9, UTC)
        return Replacement(present.etag, modified.isoformat())

    def write_report(self, key: str, body: bytes) -> None:
        """Write a report under `key`, as a whole or not at all."""
        path = self._path(key)
        with TRANSLATED:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{secrets.token_hex(8)}.part")
            try:
                partial.write_bytes(body)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def read_report(self, key: str) -> StoredReport | None:
        """Return the report under `key`, or None if it does not exist."""
        with TRANSLATED:
            try:
                data = self._path(key).read_bytes()
            except FileNotFoundError:
                return None
        return StoredReport(data, _hash(data))

    def remove_report(self, key: str, etag: str) -> None:
        """Remove the report under `key` if it still has `etag`."""
        found = self.read_report(key)
        if found is not None and found.etag == etag:
            with TRANSLATED:
                self._path(key).unlink(missing_ok=True)

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        """Return a link with which its holder can PUT a file of `size` bytes as the new file `key`.

        Raises:
            RequestInvalid: a name in `key` is longer than a file system accepts.
        """
        longest = max(len(_file_name(part).encode()) for part in key.split("/"))
        if longest > _LONGEST_NAME:
            raise RequestInvalid(f"each name in the path of file may have at most {_LONGEST_NAME} bytes, not {longest}")
        return SignedPut(self._sign(key, size, seconds), {"if-none-match": "*"})

    def _write(self, path: Path, body: Readable) -> None:
        with path.open("xb") as file:
            while data := body.read(_CHUNK):
                file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _upload(self, key: str, path: Path) -> UploadedFile:
        found = path.stat()
        sequencer = f"{found.st_mtime_ns:016X}"
        return UploadedFile(key, f"{sequencer}-{found.st_size:x}", sequencer, found.st_size, "local")

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*(_file_name(part) for part in key.split("/")))


def _file_name(part: str) -> str:
    """Return the name of a file for a part of a key."""
    return _ESCAPED.sub(lambda found: quote(found[0], safe="", errors="surrogatepass"), part)


def _key(path: Path) -> str:
    return "/".join(unquote(part, errors="surrogatepass") for part in path.parts)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
