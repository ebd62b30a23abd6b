"""Files of vectors to entries, one at a time, within a bound of decoded bytes."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from vectord.errors import FileRefused
from vectord.formats.arrays import entries_of_npy, entries_of_npz
from vectord.formats.entry import Entry, entry_of_json

Reader = Callable[[bytes, int], Iterator[Entry]]


def entries_of_file(name: str, data: bytes, most: int) -> Iterator[Entry]:
    """Yield the entry of each row of a file, whose format its `name` ends with.

    An entry's position counts lines of text, or rows, from 0. `most` bounds the bytes that the file may decode to.

    Raises:
        FileRefused: the format is unknown, the file as a whole cannot be read, or it decodes to more than `most`.
    """
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return reader(data, most)
    raise FileRefused(f"its name must end with one of {', '.join(_READERS)}")


def is_ingestible(name: str) -> bool:
    return name.endswith(tuple(_READERS))


def _jsonl(data: bytes, most: int) -> Iterator[Entry]:
    return _entries_of_lines(io.BytesIO(data), most)


def _jsonl_gz(data: bytes, most: int) -> Iterator[Entry]:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            yield from _entries_of_lines(stream, most)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileRefused(f"it is not a whole gzip file ({error})") from error


def _entries_of_lines(stream: io.BufferedIOBase, most: int) -> Iterator[Entry]:
    # Imported where it is needed, as is duckdb: neither is in the layer that the other functions load.
    from vectord.formats.simd import numbers  # noqa: PLC0415

    read, position = 0, 0
    # A bounded readline, so that a line of zeros without end is noticed before it fills the memory.
    while line := stream.readline(most - read + 1):
        read += len(line)
        if read > most:
            raise FileRefused(f"it decodes to more than {most:,} bytes, which do not fit here; split it")
        if line.strip():
            yield entry_of_json(position, line, numbers)
        position += 1


def _parquet(data: bytes, most: int) -> Iterator[Entry]:
    from vectord.formats.parquet import entries_of_parquet  # noqa: PLC0415

    return entries_of_parquet(data, most)


_READERS: Final[dict[str, Reader]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
    ".npz": entries_of_npz,
    ".npy": entries_of_npy,
    ".parquet": _parquet,
}

SUFFIXES: Final = tuple(_READERS)
