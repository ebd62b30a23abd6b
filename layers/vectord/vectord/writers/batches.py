"""The rows that an index holds, a few at a time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from vectord.index.rows import Rows
from vectord.index.sections.base import Section
from vectord.index.sections.documents import Packed
from vectord.index.state import Index

PART: Final = 8 << 20  # bytes, more than the least part of a multipart upload; 10,000 of them may make an object

_MOST_ROWS: Final = 1_024  # whose metadata, of up to 40 KB each, is in memory at once
_MOST_BYTES: Final = 8 << 20  # of their vectors


def batches(index: Index) -> Iterator[Rows]:
    """Yield the rows of `index`, those of its graph first, in the order of `index.rows`.

    What still lies in the object alone is brought here first, so that it is checked as a whole.

    Raises:
        BlobCorrupt: a section is not what was written.
    """
    step = max(1, min(_MOST_ROWS, _MOST_BYTES // (4 * index.params.dimension)))
    fetch(index)
    if index.base:
        kept = index.live.base_rows
        for start in range(0, len(kept), step):
            yield _of_base(index, kept[start : start + step].tolist())
    tail = list(index.tail.row_of.items())
    for start in range(0, len(tail), step):
        some = dict(tail[start : start + step])
        yield Rows(list(some), index.vectors_of(list(some.values())), index.metadata_of(some))


def fetch(index: Index) -> None:
    """Bring what `batches` reads here, so that nothing of it is read of the object any more."""
    wanted: list[Section] = list(index.tail.pieces)
    if index.base:
        wanted.append(index.base.graph.section)
        if isinstance(index.base.documents, Packed):
            wanted.append(index.base.documents.section)
    index.fetch(*((section, None) for section in wanted))


def in_parts(chunks: Iterable[bytes | memoryview], size: int = PART) -> Iterator[bytes]:
    """Yield the same bytes in parts of exactly `size`, but for the last, as a multipart upload takes them."""
    begun = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(begun) + len(view) >= size:
            taken = size - len(begun)
            yield b"".join((begun, view[:taken]))
            begun.clear()
            view = view[taken:]
        begun += view
    if begun:
        yield bytes(begun)


def _of_base(index: Index, rows: Sequence[int]) -> Rows:
    if index.base is None:
        raise AssertionError("rows of a graph that is not there")
    documents = index.base.documents.read(rows, index.fetch)
    metadata = {document.id: document.metadata for document in documents if document.metadata is not None}
    return Rows([document.id for document in documents], index.vectors_of(rows), metadata)
