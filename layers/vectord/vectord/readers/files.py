"""Files of vectors to entries, one at a time, within a bound of decoded bytes."""

from collections.abc import Callable, Iterator
from typing import Final

from vectord.errors import FileRefused
from vectord.readers.arrays import entries_of_npy, entries_of_npz
from vectord.readers.entry import Entry

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
    # Imported where they are needed: simdjson, isal and duckdb are not in the layer that the other functions load.
    from vectord.readers.lines import entries_of_lines  # noqa: PLC0415

    if len(data) > most:
        raise FileRefused(f"it decodes to more than {most:,} bytes, which do not fit here; split it")
    return entries_of_lines([data])


def _jsonl_gz(data: bytes, most: int) -> Iterator[Entry]:
    from vectord.readers.ahead import ahead  # noqa: PLC0415
    from vectord.readers.gunzip import lines_of_gzip  # noqa: PLC0415
    from vectord.readers.lines import entries_of_lines  # noqa: PLC0415

    return entries_of_lines(ahead(lines_of_gzip(data, most)))  # inflating needs no interpreter


def _parquet(data: bytes, most: int) -> Iterator[Entry]:
    from vectord.readers.parquet import entries_of_parquet  # noqa: PLC0415

    return entries_of_parquet(data, most)


_READERS: Final[dict[str, Reader]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
    ".npz": entries_of_npz,
    ".npy": entries_of_npy,
    ".parquet": _parquet,
}

SUFFIXES: Final = tuple(_READERS)
