"""Files as bytes: on disk, or an object of S3. Both are watched for changes while they are read."""

import codecs
import hashlib
import os
import stat
from pathlib import Path
from typing import IO, Any, Final, Protocol

from vectord_client.errors import ArgumentInvalid
from vectord_client.load.errors import SourceChanged, SourceMissing, SourceUnreadable

_SAMPLE: Final = 64 << 10  # bytes of a sample
_SAMPLES: Final = 16


class Opened(Protocol):
    """A file that is open for reading and can seek."""

    name: str
    identity: str
    fingerprint: str
    size: int
    path: Path | None
    file: IO[bytes]

    def check(self) -> None:
        """Raise SourceChanged if the file changed since it was opened."""

    def close(self) -> None:
        """Close the file."""


class NamedPath(os.PathLike[str]):
    """The path of a file that messages call by another name, such as a copy of standard input."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def __fspath__(self) -> str:
        return str(self._path)

    def __str__(self) -> str:
        return self._name


class LocalFile:
    """A file on disk."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        """Open a file; `name` is what messages call it, by default its own name.

        Raises:
            SourceMissing: the file does not exist, or it cannot be read.
            ArgumentInvalid: it is not a regular file.
        """
        try:
            self.file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise SourceMissing(f"{path} cannot be read: {error.strerror or error}.") from error
        except ValueError as error:  # a path with NUL
            raise ArgumentInvalid(f"{str(path)!r} is not a path: {error}.") from error
        if not stat.S_ISREG(os.fstat(self.file.fileno()).st_mode):
            self.file.close()
            raise ArgumentInvalid(f"{path} is not a file that can be read twice; load an iterable of its rows.")
        self.path: Path | None = path
        self.name, self.identity = name or path.name, str(path.resolve())
        self._opened = _state(os.fstat(self.file.fileno()))
        self.size = self._opened[1]
        self.fingerprint = f"{self.size:,} bytes, digest {sampled_digest(self.file, self.size)}"

    def check(self) -> None:
        """Raise SourceChanged if another file is at the path, or this one has another size or time."""
        try:
            now = _state(Path(self.identity).stat())
        except OSError as error:
            detail = f"{self.name} was removed while it was loaded: {error.strerror}. {_LOADED}"
            raise SourceChanged(detail, advice=_AGAIN) from error
        if now != self._opened:
            raise SourceChanged(f"{self.name} changed while it was loaded. {_LOADED}", advice=_AGAIN)

    def close(self) -> None:
        self.file.close()


_LOADED: Final = "The rows of the batches before are in the index."
_AGAIN: Final = "Load the file again once nothing writes to it, with resume=False."


def _state(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_dev


def sampled_digest(file: IO[bytes], size: int) -> str:
    """Return a digest of the start, the end and parts in between; afterwards the file is at its start."""
    digest = hashlib.blake2b(digest_size=8)
    last = max(0, size - _SAMPLE)
    for place in sorted({last * sample // _SAMPLES for sample in range(_SAMPLES + 1)}):
        file.seek(place)
        digest.update(file.read(_SAMPLE))
    file.seek(0)
    return digest.hexdigest()


def open_file(place: "str | os.PathLike[str]") -> Opened:
    """Open a path, or a URL `s3://bucket/key`."""
    text = os.fspath(place)
    if text.startswith("s3://"):
        from vectord_client.load.sources.s3 import S3File  # noqa: PLC0415  needs botocore

        return S3File(text)
    if "://" in text and not text.startswith("file://"):
        raise ArgumentInvalid(f"{text!r}: a load reads files, s3://bucket/key, DataFrames and iterables of rows.")
    name = str(place) if isinstance(place, NamedPath) else None
    try:
        return LocalFile(Path(text.removeprefix("file://")).expanduser(), name)
    except RuntimeError as error:  # of expanduser
        raise ArgumentInvalid(f"{text!r} is not a path: {error}") from error


def ends_with(opened: Opened, *endings: str) -> bool:
    """Return True if the name of a file ends so, in whatever case."""
    return str(opened.path or opened.name).lower().endswith(endings)


def check_utf8(name: str, start: bytes) -> None:
    """Raise SourceUnreadable if a text that begins with these 4 bytes is UTF-16 or UTF-32, with a mark or without."""
    if start in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE} or start[1:] == b"\0\0\0" or start[:3] == b"\0\0\0":
        encoding = "UTF-32"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start[:2]:
        encoding = "UTF-16"
    else:
        return
    raise SourceUnreadable(
        f"{name} is text in {encoding}; it must be UTF-8. Convert it: iconv -f {encoding} -t UTF-8 {name}"
    )


def is_place(value: Any) -> bool:
    """Return True for a path or a URL."""
    return isinstance(value, str | os.PathLike)
