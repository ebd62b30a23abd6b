"""An index as a file to take away, in parts that a multipart upload takes."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from vectord.index.state import Index
from vectord.writers.batches import batches, in_parts
from vectord.writers.jsonl import gzipped, lines
from vectord.writers.plain import plain

Format = Literal["lhv1", "jsonl", "jsonl.gz", "parquet"]

FORMATS: Final[dict[Format, str]] = {
    "lhv1": "application/octet-stream",
    "jsonl": "application/jsonl",
    "jsonl.gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}
"""Each format's media type; its name is also what a file's name should end with."""


def export(index: Index, kind: Format, name: str, commit: str, folder: Path | None = None) -> Iterator[bytes]:
    """Yield the parts of a file that holds the rows of `index`, all of 8 MiB but the last.

    `name` and `commit` go into the envelope of an `lhv1`; `folder` takes the temporary files of a `parquet`.

    Raises, while it is read:
        AnswerTooLarge: as `plain` does.
        BlobCorrupt: a section is not what was written.
    """
    if kind == "lhv1":
        return in_parts(plain(index, name, commit))
    return export_rows([index], index.params.dimension, kind, folder)


def export_rows(
    indexes: Iterable[Index], dimension: int, kind: Literal["jsonl", "jsonl.gz", "parquet"], folder: Path | None = None
) -> Iterator[bytes]:
    """Yield the parts of one file of the rows of several indexes, one after the other, as shards are."""
    rows = chain.from_iterable(batches(index) for index in indexes)
    if kind == "parquet":
        # Imported where it is needed: duckdb is not in the layer that all functions load.
        from vectord.writers.parquet import parquet  # noqa: PLC0415

        return in_parts(parquet(rows, dimension, folder))
    return in_parts(lines(rows) if kind == "jsonl" else gzipped(lines(rows)))
