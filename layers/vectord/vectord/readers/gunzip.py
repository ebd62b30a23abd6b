"""Decompress a gzip file to blocks of whole lines, in a second thread, within a limit of decoded bytes.

isal decompresses lines of numbers in a third of zlib's time, and releases the interpreter lock. It reads several
members, and detects truncation and altered bytes as Python's gzip does; it also checks the checksum of a header.
"""

import gzip
import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from vectord.errors import FileRefused

_CHUNK: Final = 1 << 18  # bytes; fits a processor cache
_AHEAD: Final = 3  # blocks; with only one, the two threads would wait for each other after every block


def lines_of_gzip(data: bytes, limit: int, longest: int) -> Iterator[bytes]:
    """Yield the text in blocks that end at the end of a line.

    Raises:
        FileRefused: `data` is not a complete gzip file, or decodes to more than `limit` bytes, or has a line of more
            than about `longest` bytes.
    """
    from isal import igzip, isal_zlib  # noqa: PLC0415  installed only in the functions that read files

    try:
        with igzip.IGzipFile(fileobj=io.BytesIO(data), mode="rb") as stream:  # type: ignore[no-untyped-call]
            yield from _whole_lines(stream, limit, longest)
    # OverflowError: a header, with the name of a file or a comment, of more than 512 KB.
    # isal's stub declares its exception class as an instance.
    except (gzip.BadGzipFile, EOFError, OverflowError, isal_zlib.error) as error:  # type: ignore[misc]
        raise FileRefused(f"it is not a complete gzip file ({error})") from error


def read_ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `blocks`, which a second thread produces up to three ahead.

    An exception of `blocks` is raised after the blocks before it.
    """
    with ThreadPoolExecutor(1) as pool:
        pending = deque(pool.submit(next, blocks, None) for _ in range(_AHEAD))
        while (block := pending.popleft().result()) is not None:
            pending.append(pool.submit(next, blocks, None))
            yield block


def _whole_lines(stream: io.BufferedIOBase, limit: int, longest: int) -> Iterator[bytes]:
    size, incomplete = 0, list[bytes]()
    # Count while reading: a bomb of zeros without a newline must be refused before it fills the memory.
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise FileRefused(f"it decodes to more than {limit:,} bytes, which this function cannot hold; split it")
        if end := chunk.rfind(b"\n") + 1:
            yield b"".join([*incomplete, chunk[:end]])
            incomplete.clear()
        incomplete.append(chunk[end:])
        if sum(map(len, incomplete)) > longest:
            raise FileRefused(f"it has a line of more than {longest:,} bytes, which no row may have")
    yield b"".join(incomplete)
