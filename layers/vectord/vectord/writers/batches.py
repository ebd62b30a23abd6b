"""Read the rows of an index in batches of bounded size, and cut bytes into parts of an upload."""

from collections.abc import Iterable, Iterator
from typing import Final

from vectord.index.rows import Rows
from vectord.index.state import Index

PART_BYTES: Final = 8 << 20  # above the minimum of a multipart upload, whose 10,000 parts allow 80 GB

_BATCH_ROWS: Final = 1_024  # bounds the metadata in memory, up to 40 KB per row
_BATCH_BYTES: Final = 8 << 20  # of vectors


def batches(index: Index) -> Iterator[Rows]:
    """Yield the live rows of `index` in the order of `index.rows`: the base, then the tail.

    All sections are fetched first, so that their checksums are compared before a row is written.

    Raises:
        BlobCorrupt: a section does not match its checksum.
    """
    step = max(1, min(_BATCH_ROWS, _BATCH_BYTES // (4 * index.params.dimension)))
    fetch(index)
    live = index.live.rows
    for start in range(0, len(live), step):
        rows = live[start : start + step].tolist()
        documents = index.documents.read(rows, index.fetch)
        metadata = {document.id: document.metadata for document in documents if document.metadata is not None}
        yield Rows([document.id for document in documents], index.vectors_of(rows), metadata)


def fetch(index: Index) -> None:
    """Fetch every section that `batches` reads, so that `batches` sends no further requests."""
    index.fetch(*index.sections)


def cut_into_parts(chunks: Iterable[bytes | memoryview], size: int = PART_BYTES) -> Iterator[bytes]:
    """Yield the bytes of `chunks` in parts of exactly `size` bytes; the last one may be shorter."""
    part = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(part) + len(view) >= size:
            taken = size - len(part)
            yield b"".join((part, view[:taken]))
            part.clear()
            view = view[taken:]
        part += view
    if part:
        yield bytes(part)
