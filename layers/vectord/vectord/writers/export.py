"""Export an index as one file, in parts for a multipart upload."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from vectord.index.state import Index
from vectord.readers.entry import VectorEncoding
from vectord.writers.batches import batches, cut_into_parts
from vectord.writers.jsonl import compress, lines
from vectord.writers.parquet import parquet
from vectord.writers.plain_form import plain_form

Format = Literal["lhv1", "jsonl", "jsonl.gz", "parquet"]

FORMATS: Final[dict[Format, str]] = {
    "lhv1": "application/octet-stream",
    "jsonl": "application/jsonl",
    "jsonl.gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}
"""The media type of each format. The name of a format is also the suffix of its files."""

TEXT_FORMATS: Final = ("jsonl", "jsonl.gz")


def export(
    index: Index,
    kind: Format,
    name: str,
    commit: str,
    folder: Path | None = None,
    *,
    encoding: VectorEncoding = "array",
) -> Iterator[bytes]:
    """Yield a file with the rows of `index` in parts of 8 MiB; the last one may be shorter.

    `name` and `commit` go into the envelope of format `lhv1`; the temporary files of `parquet` are in `folder`;
    `encoding` is that of the vectors in JSONL.

    Raises, while the parts are read:
        AnswerTooLarge: ids and metadata do not fit in the envelope of format `lhv1`.
        BlobCorrupt: a section does not match its checksum.
    """
    if kind == "lhv1":
        return cut_into_parts(plain_form(index, name, commit))
    return export_rows([index], index.params.dimension, kind, folder, encoding=encoding)


def export_rows(
    indexes: Iterable[Index],
    dimension: int,
    kind: Literal["jsonl", "jsonl.gz", "parquet"],
    folder: Path | None = None,
    *,
    encoding: VectorEncoding = "array",
) -> Iterator[bytes]:
    """Yield the parts of one file with the rows of several indexes, in their order, such as the shards of one index."""
    rows = chain.from_iterable(batches(index) for index in indexes)
    if kind == "parquet":
        return cut_into_parts(parquet(rows, dimension, folder))
    text = lines(rows, encoding)
    return cut_into_parts(text if kind == "jsonl" else compress(text))
