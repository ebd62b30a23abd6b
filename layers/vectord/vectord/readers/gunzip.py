"""Gzip to blocks of whole lines, within a bound of decoded bytes.

isal inflates: a third of zlib's time on lines of numbers, one megabyte unzipped. It reads members one after the
other, notices what is cut off or flipped as gzip of the standard library does, and a header's own checksum besides.
"""

import gzip
import io
from collections.abc import Iterator
from typing import Final

from isal import igzip, isal_zlib

from vectord.errors import FileRefused

_CHUNK: Final = 1 << 18  # what a processor's cache holds


def lines_of_gzip(data: bytes, most: int) -> Iterator[bytes]:
    """Yield the text in blocks that end where a line does.

    Raises:
        FileRefused: it is not a whole gzip file, or decodes to more than `most` bytes.
    """
    try:
        with igzip.IGzipFile(fileobj=io.BytesIO(data), mode="rb") as stream:  # type: ignore[no-untyped-call]
            yield from _whole_lines(stream, most)
    # Its stub declares the class of its error as if it were an instance.
    except (gzip.BadGzipFile, EOFError, isal_zlib.error) as error:  # type: ignore[misc]
        raise FileRefused(f"it is not a whole gzip file ({error})") from error


def _whole_lines(stream: io.BufferedIOBase, most: int) -> Iterator[bytes]:
    read, begun = 0, list[bytes]()
    # Counted as it comes, so that a line of zeros without end is noticed before it fills the memory.
    while chunk := stream.read(_CHUNK):
        read += len(chunk)
        if read > most:
            raise FileRefused(f"it decodes to more than {most:,} bytes, which do not fit here; split it")
        if end := chunk.rfind(b"\n") + 1:
            yield b"".join([*begun, chunk[:end]])
            begun.clear()
        begun.append(chunk[end:])
    yield b"".join(begun)
