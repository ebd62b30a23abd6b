"""An index to one blob of the plain form, whatever its size: parameters, ids and metadata, and a file of Annoy's."""

import sys
from collections.abc import Iterator
from typing import Final

import msgspec

from vectord.errors import AnswerTooLarge
from vectord.index.codec import encode
from vectord.index.state import Base, Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.writers.batches import batches

_PLAIN: Final = Thresholds(packed=sys.maxsize)
_LONGEST: Final = (1 << 32) - (1 << 20)  # bytes of an envelope, whose length has 32 bits


def plain(index: Index, name: str, commit: str) -> Iterator[bytes | memoryview]:
    """Yield the bytes of the blob, as commit `commit` would write it under `name`.

    A packed graph that covers all rows, and none that was removed, is taken as it is. Any other is built anew, with
    all rows in memory, which takes as long as a compaction does. The envelope is in memory as a whole.

    Raises:
        AnswerTooLarge: ids and metadata do not fit the envelope.
        BlobCorrupt: a section is not what was written.
    """
    if index.base and not needs_build(index):
        yield from _taken(index, index.base, name)
        return
    encoded = encode.encode(index, name, commit, thresholds=_PLAIN, rebuild=True)
    yield encoded.head
    for _, data in encoded.sections:
        yield data


def needs_build(index: Index) -> bool:
    """Tell whether `plain` has a graph to build."""
    return not (index.base and index.base.packed and not index.removed and not len(index.tail))


def _taken(index: Index, base: Base, name: str) -> Iterator[bytes | memoryview]:
    """Yield an envelope of the base's own, and its graph; it is the same content at the same commit."""
    ids: list[str] = []
    metadata: dict[str, msgspec.Raw] = {}
    size = 0
    for rows in batches(index):
        ids += rows.ids
        metadata |= rows.metadata
        size += sum(len(vector_id.encode()) + 8 for vector_id in rows.ids) + sum(map(len, rows.metadata.values()))
        if size > _LONGEST:
            raise AnswerTooLarge("its ids and metadata do not fit the plain form; export it as JSONL or Parquet")
    yield frame.encode_head(
        frame.Envelope(
            version=frame.VERSION,
            params=msgspec.structs.replace(index.params, name=name),
            ids=ids,
            metadata=metadata,
            sections=[entry for entry in base.entries if entry.name == "graph"],
            commit=index.commit,
            applied=list(index.applied),
            calibration={way: dict(curve) for way, curve in base.calibration.items() if way == "forest"},
        )
    )
    yield memoryview(base.graph.section.buffer)
