"""What an object written in parts must keep to: S3's sizes, which every store holds callers to, and staging names."""

from collections.abc import Iterable, Iterator
from typing import Final

from vectord.storage.base import Source

LEAST_PART: Final = 5 << 20  # S3 refuses a smaller one, but for the last; its stand-ins do not
STAGING: Final = ".staging/"  # no index has such a name


def check_staging(name: str) -> None:
    """Raise ValueError where `name` is no staging name, since what has one is replaced and deleted unconditionally."""
    if not name.startswith(STAGING) or name == STAGING:
        raise ValueError(f"a staging name starts with {STAGING!r}, unlike {name!r}")


def check_splice(head: bytes, source: Source, least: int) -> None:
    """Raise ValueError where the head or the source's span is shorter than `least` bytes."""
    for what, size in (("head", len(head)), ("source", source.stop - source.start)):
        if size < least:
            raise ValueError(f"the {what} of a splice must have {least} bytes, not {size}")


def checked(parts: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Yield `parts` as they come, or one empty part if there is none.

    Raises:
        ValueError: a part but the last has less than `least` bytes.
    """
    before: int | None = None
    for part in parts:
        if before is not None and before < least:
            raise ValueError(f"a part but the last must have {least} bytes, not {before}")
        before = len(part)
        yield part
    if before is None:
        yield b""
