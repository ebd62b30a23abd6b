"""Export an index to a local file: under a temporary name, checked, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit

import httpx2
import msgspec

from vectord_client.errors import ArgumentInvalid
from vectord_client.load.errors import ExportIncomplete, FileUnwritable
from vectord_client.load.job import Session
from vectord_client.load.progress import Meter, Progress, meter
from vectord_client.values import ExportLink
from vectord_client.wire import operations
from vectord_client.wire.answers import Exported
from vectord_client.wire.encode import AsOf

FORMATS: Final = ("jsonl.gz", "jsonl", "parquet", "lhv1")
_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0  # without progress
_CHUNK: Final = 1 << 20
_NAME: Final = 50  # characters of the file's name in that of a partial one: file systems allow 255 bytes


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of an export; `Index.export` documents them."""

    format: str | None = None
    vector_encoding: str | None = None
    progress: Progress = None
    as_of: AsOf | None = None


def export(session: Session, name: str, path: "str | os.PathLike[str]", options: ExportOptions) -> int:
    """Write all rows of an index to a file, and return its size in bytes."""
    place = _checked_path(path)
    kind = options.format or _format_of(place)
    call = operations.export(name, kind, as_of=options.as_of, vector_encoding=options.vector_encoding)
    if place.is_dir():
        raise ArgumentInvalid(f"{place} is a folder: give the path of a file, such as {place / name}.{kind}.")
    if not place.parent.is_dir():
        raise ArgumentInvalid(f"{place.parent} is not a folder: create it first.")
    exported: Exported = session.run(call)
    with _replacing(place) as file:
        if exported.link is None:
            file.write(exported.data or b"")
            return len(exported.data or b"")
        shown = meter(options.progress, place.name, exported.link.bytes, "B")
        try:
            return _fetch(session.target, exported.link, file, shown)
        finally:
            shown.close()


def _checked_path(path: "str | os.PathLike[str]") -> Path:
    """Return a path with `~` resolved.

    Raises:
        ArgumentInvalid: it is not a path, or the file system cannot have it.
    """
    try:
        place = Path(path).expanduser()
        place.lstat()
    except FileNotFoundError:
        pass
    except (OSError, TypeError, ValueError, RuntimeError) as error:  # too long, not a path, with NUL, an unknown home
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ArgumentInvalid(f"{path!r:.200} cannot be written: {reason}.") from error
    return place


def _format_of(path: Path) -> str:
    found = next((kind for kind in FORMATS if path.name.lower().endswith(f".{kind}")), None)
    if found is None:
        raise ArgumentInvalid(
            f"{path.name!r} does not end with .parquet, .jsonl, .jsonl.gz or .lhv1.",
            advice="Rename it, or give the argument `format`.",
        )
    return found


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file, which replaces the one at `path` when the block ends, or disappears if it fails."""
    partial = path.with_name(f".{path.name[:_NAME]}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise FileUnwritable(f"{path} cannot be written: {error.strerror or error}. Nothing was changed.") from error
    finally:
        partial.unlink(missing_ok=True)


def _fetch(target: str, link: ExportLink, file: IO[bytes], shown: Meter) -> int:
    """Copy the file of a link; return its size, which is the one that the service said."""
    size = 0
    for chunk in _chunks(target, link):
        file.write(chunk)
        size += len(chunk)
        shown.set(size)
    if size != link.bytes:
        raise ExportIncomplete(
            f"The export arrived with {size:,} of {link.bytes:,} bytes: the connection was cut. Export again."
        )
    return size


def _chunks(target: str, link: ExportLink) -> Iterator[bytes]:
    """Yield the file of a link; the engine in this process links to a file of its folder."""
    if link.url.startswith("file://") and not target.startswith(("http://", "https://")):
        staged = Path(unquote(urlsplit(link.url).path))
        with staged.open("rb") as file:
            while data := file.read(_CHUNK):
                yield data
        staged.unlink(missing_ok=True)  # nothing else knows its link
        return
    limits = httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with httpx2.stream("GET", link.url, timeout=limits, headers={"accept-encoding": "identity"}) as answer:
            if answer.status_code != 200:
                text = answer.read().decode(errors="replace")
                raise ExportIncomplete(f"The link of the export was refused: {text:.300}", status=answer.status_code)
            yield from answer.iter_raw(_CHUNK)
    except httpx2.HTTPError as error:
        raise ExportIncomplete(f"The export did not arrive as a whole: {error}. Export again.") from error
