"""Choose the reader of a file by the suffix of its name."""

from collections.abc import Callable, Iterator
from typing import Final

from vectord.errors import FileRefused
from vectord.readers.budget import row_limit, within
from vectord.readers.entry import Entry
from vectord.readers.gunzip import lines_of_gzip, read_ahead
from vectord.readers.jsonl import entries_of_lines
from vectord.readers.numpy_files import entries_of_npy, entries_of_npz
from vectord.readers.parquet import entries_of_parquet

Reader = Callable[[bytes, int, int | None], Iterator[Entry]]


def entries_of_file(name: str, data: bytes, limit: int, dimension: int | None = None) -> Iterator[Entry]:
    """Yield one entry for each row of a file; the suffix of `name` selects the format.

    The position of an entry is the number of its line or row, from 0. `limit` bounds in bytes what the rows cost
    (`readers/budget.py`). With a `dimension`, formats that state the length of a vector before its components do not
    read components of another length: such a row is bad.

    Raises:
        FileRefused: the format is unknown, the file as a whole cannot be read, or its rows cost more than `limit`.
    """
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return within(reader(data, limit, dimension), limit)
    raise FileRefused(f"its name must end with one of {', '.join(_READERS)}")


def is_ingestible(name: str) -> bool:
    return name.endswith(tuple(_READERS))


def _entries_of_jsonl(data: bytes, limit: int, _: int | None) -> Iterator[Entry]:
    if len(data) > limit:
        raise FileRefused(f"it has more than {limit:,} bytes, which this function cannot hold; split it")
    return entries_of_lines([data], row_limit(limit))


def _entries_of_jsonl_gz(data: bytes, limit: int, _: int | None) -> Iterator[Entry]:
    longest = row_limit(limit)
    return entries_of_lines(read_ahead(lines_of_gzip(data, limit, longest)), longest)


_READERS: Final[dict[str, Reader]] = {
    ".jsonl": _entries_of_jsonl,
    ".jsonl.gz": _entries_of_jsonl_gz,
    ".npz": entries_of_npz,
    ".npy": entries_of_npy,
    ".parquet": entries_of_parquet,
}

SUFFIXES: Final = tuple(_READERS)
