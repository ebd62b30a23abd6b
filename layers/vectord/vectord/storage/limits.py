"""Limits that every store enforces: S3's part sizes, names of staged objects, and presigned links."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from vectord.storage.base import CopySource

LEAST_PART: Final = 5 << 20  # bytes; S3 refuses a smaller part unless it is the last one; emulators of S3 accept it
STAGING: Final = ".staging/"  # an index name never contains a slash
BUCKETS: Final = ".s3vectors/"  # the folder of JSON objects, one for each vector bucket
HISTORY: Final = ".history/"  # the folder of JSON objects with what was removed of the versions of an object
CHANGES: Final = ".changes/"  # the folder of queued changes, one folder for each index
LONGEST_LINK: Final = 7 * 24 * 3600  # seconds; S3 accepts no more

_FILENAME: Final = r"[A-Za-z0-9._ -]{1,255}"  # needs no escapes inside a quoted header value


def check_staging(name: str) -> None:
    """Raise ValueError unless `name` is a staging name; staged objects are replaced and deleted unconditionally."""
    if not name.startswith(STAGING) or name == STAGING:
        raise ValueError(f"a staging name starts with {STAGING!r}, unlike {name!r}")


def check_splice(head: bytes, source: CopySource, least: int) -> None:
    """Raise ValueError if the head or the bytes of the source are fewer than `least`."""
    for part, size in (("head", len(head)), ("source", source.stop - source.start)):
        if size < least:
            raise ValueError(f"the {part} of a splice must have at least {least} bytes, not {size}")


def check_parts(parts: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Yield `parts` unchanged, or one empty part if there are none.

    Raises:
        ValueError: a part other than the last has fewer than `least` bytes.
    """
    previous: int | None = None
    for part in parts:
        if previous is not None and previous < least:
            raise ValueError(f"every part but the last must have at least {least} bytes, not {previous}")
        previous = len(part)
        yield part
    if previous is None:
        yield b""


def check_link(seconds: int, filename: str) -> None:
    """Raise ValueError for a duration that S3 refuses, or a file name that is not plain ASCII."""
    if not 1 <= seconds <= LONGEST_LINK:
        raise ValueError(f"a link must be valid for 1 to {LONGEST_LINK:,} seconds, not {seconds:,}")
    if not re.fullmatch(_FILENAME, filename):
        raise ValueError(f"a download cannot be called {filename!r}")
