"""Open a source: a file by the end of its name, anything else as rows in memory."""

import os
from collections.abc import Callable
from typing import Any, Final

from vectord_client.errors import ArgumentInvalid
from vectord_client.load.sources.arrays import Arrays
from vectord_client.load.sources.base import Source
from vectord_client.load.sources.files import Opened, is_place, open_file
from vectord_client.load.sources.jsonl import JsonLines
from vectord_client.load.sources.memory import Memory
from vectord_client.load.sources.parquet import open_parquet
from vectord_client.load.sources.table import Csv

FORMATS: Final[dict[str, Callable[[Opened], Source]]] = {
    ".parquet": open_parquet,
    ".jsonl": JsonLines,
    ".jsonl.gz": JsonLines,
    ".ndjson": JsonLines,
    ".ndjson.gz": JsonLines,
    ".npz": Arrays,
    ".npy": Arrays,
    ".csv": Csv,
    ".tsv": Csv,
}


def open_source(source: Any, resume_as: str | None = None) -> Source:
    """Open a source. `resume_as` names rows in memory, so that an interrupted load of them can be resumed.

    Raises:
        ArgumentInvalid: its name does not end with a format that can be loaded.
        SourceMissing: the file does not exist, or it cannot be read.
        MissingExtra: a format needs packages that are not installed.
        SourceUnreadable: it is not of the format that its name says.
    """
    if not is_place(source):
        return Memory(source, resume_as)
    name = os.fspath(source).lower()
    make = next((make for ending, make in FORMATS.items() if name.endswith(ending)), None)
    if make is None:
        raise ArgumentInvalid(f"{os.fspath(source)!r}: a load reads files whose names end with {', '.join(FORMATS)}.")
    opened = open_file(source)
    try:
        return make(opened)
    except BaseException:
        opened.close()
        raise
