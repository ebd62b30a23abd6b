"""Choose the reader of a file by the suffix of its name."""

import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from vectord.errors import FileRefused
from vectord.readers.entry import Entry, row_limit
from vectord.readers.gunzip import lines_of_gzip, read_ahead
from vectord.readers.jsonl import entries_of_lines
from vectord.readers.numpy_files import entries_of_npy, entries_of_npz
from vectord.readers.parquet import entries_of_parquet

_RESERVED: Final = 512 << 20  # bytes of address space that DuckDB's allocator reserves and does not use

Reader = Callable[[bytes, int, int | None], Iterator[Entry]]


def spare_memory(spare: int) -> ExitStack:
    """Let the process allocate about `spare` bytes more than it has now, until the block of the result ends.

    A library may allocate more than the bounds on rows and sizes foresee. Then its allocation fails, and raises
    MemoryError. Otherwise Lambda would end the process, with the other files of the batch.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    present = int(Path("/proc/self/statm").read_text().split(maxsplit=1)[0]) * resource.getpagesize()
    limits = [present + _RESERVED + spare, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    undo = ExitStack()
    undo.callback(resource.setrlimit, resource.RLIMIT_AS, (soft, hard))
    return undo


def entries_of_file(name: str, data: bytes, limit: int, dimension: int | None = None) -> Iterator[Entry]:
    """Yield one entry for each row of a file; the suffix of `name` selects the format.

    The position of an entry is the number of its line or row, from 0. `limit` bounds the decoded size in bytes, and the
    number of rows (ROW_BYTES for each). With a `dimension`, formats that state the length of a vector before its
    components do not read components of another length: such a row is bad.

    Raises:
        FileRefused: the format is unknown, the file as a whole cannot be read, or its rows cost more than `limit`.
    """
    for suffix, reader in _READERS.items():
        if name.endswith(suffix):
            return reader(data, limit, dimension)
    raise FileRefused(f"its name must end with one of {', '.join(_READERS)}")


def is_ingestible(name: str) -> bool:
    return name.endswith(tuple(_READERS))


def _entries_of_jsonl(data: bytes, limit: int, _: int | None) -> Iterator[Entry]:
    if len(data) > limit:
        raise FileRefused(f"it has more than {limit:,} bytes, which this function cannot hold; split it")
    return entries_of_lines([data], limit)


def _entries_of_jsonl_gz(data: bytes, limit: int, _: int | None) -> Iterator[Entry]:
    return entries_of_lines(read_ahead(lines_of_gzip(data, limit, row_limit(limit))), limit)


_READERS: Final[dict[str, Reader]] = {
    ".jsonl": _entries_of_jsonl,
    ".jsonl.gz": _entries_of_jsonl_gz,
    ".npz": entries_of_npz,
    ".npy": entries_of_npy,
    ".parquet": entries_of_parquet,
}

SUFFIXES: Final = tuple(_READERS)
