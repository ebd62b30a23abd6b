"""Write an index of any size as one blob of the plain form: an envelope with ids and metadata, and an Annoy file."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from vectord.errors import AnswerTooLarge
from vectord.index.codec import encode
from vectord.index.state import Base, Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.section_names import TEXT
from vectord.lhv1.text_fields import TextShape, text_shape
from vectord.writers.batches import batches

if TYPE_CHECKING:
    from vectord.index.sections.text import Text

_ALWAYS_PLAIN: Final = Thresholds(packed=sys.maxsize)
_MAX_ENVELOPE: Final = (1 << 32) - (1 << 20)  # bytes; the length has 32 bits


def plain_form(index: Index, name: str, commit: str) -> Iterator[bytes | memoryview]:
    """Yield the bytes of the blob that commit `commit` would write under `name`.

    The graph of a packed index without removed rows and without a tail is copied. Otherwise a graph is built with all
    rows in memory, which takes as long as a compaction. The envelope is always in memory.

    Raises:
        AnswerTooLarge: ids and metadata do not fit in the envelope.
        BlobCorrupt: a section does not match its checksum.
    """
    if index.base and not needs_build(index):
        yield from _with_existing_graph(index, index.base, name)
        return
    encoded = encode.encode(index, name, commit, thresholds=_ALWAYS_PLAIN, rebuild=True)
    yield from encoded.parts


def needs_build(index: Index) -> bool:
    """Return True if `plain_form` must build a graph."""
    return not (index.base and index.base.packed and not index.removed and not len(index.tail))


def _with_existing_graph(index: Index, base: Base, name: str) -> Iterator[bytes | memoryview]:
    """Yield a new envelope and the existing graph. The content is the same, so the commit id stays."""
    ids: list[str] = []
    metadata: dict[str, msgspec.Raw] = {}
    size = 0
    for rows in batches(index):
        ids += rows.ids
        metadata |= rows.metadata
        size += sum(len(vector_id.encode()) + 8 for vector_id in rows.ids) + sum(map(len, rows.metadata.values()))
        if size > _MAX_ENVELOPE:
            raise AnswerTooLarge("its ids and metadata do not fit in the plain form; export it as JSONL or Parquet")
    yield frame.encode_head(
        Envelope(
            version=frame.VERSION,
            params=msgspec.structs.replace(index.params, name=name),
            ids=ids,
            metadata=metadata,
            sections=[entry for entry in base.entries if entry.name in {TEXT, "graph"}],
            commit=index.commit,
            applied=list(index.applied),
            calibration={strategy: dict(curve) for strategy, curve in base.calibration.items() if strategy == "forest"},
            s3vectors=index.bucket_index or msgspec.UNSET,
            text=_shape(index, base.text) if base.text else msgspec.UNSET,
        )
    )
    if base.text:
        index.fetch((base.text.section, None))
        yield memoryview(base.text.section.buffer)
    yield memoryview(base.graph.section.buffer)


def _shape(index: Index, text: "Text") -> TextShape:
    return text_shape(index.text_fields, [(text.front_bytes, text.samples)])
