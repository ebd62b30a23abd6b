"""An index from its blob: all of it at once, or from its head, the sections to be brought when they are needed."""

from collections.abc import Callable, Mapping

import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Fetch, InMemory, Section, all_here
from vectord.index.sections.documents import Documents, Listed, Packed
from vectord.index.sections.graph import Graph, layout_of
from vectord.index.sections.sketch import Sketch
from vectord.index.sections.tail import Tail
from vectord.index.state import Base, Index
from vectord.lhv1 import frame
from vectord.lhv1.frame import Head, SectionEntry

Open = Callable[[SectionEntry], Section]


def open_blob(blob: bytes) -> Index:
    """Return the index that `blob` holds, ready to search.

    Raises:
        BlobCorrupt: bytes or counts of it are wrong.
        BlobUnsupported: it was written by a version unknown here.
    """
    try:
        head, parts = frame.decode(blob)
    except frame.VersionOne:
        from vectord.index.codec.version_1 import open_version_1  # noqa: PLC0415 - what few blobs need

        return open_version_1(blob)
    # Copies, so that the rows in them are aligned in memory and the blob can be freed.
    sections: dict[SectionEntry, Section] = {entry: InMemory(bytes(part)) for entry, part in parts.items()}
    return open_head(head, sections.__getitem__, all_here)


def open_head(head: Head, section_of: Open, fetch: Fetch, held: Index | None = None) -> Index:
    """Return the index whose verified head is given; its sections are brought when they are needed.

    What the last build wrote is taken from `held`, an earlier state, where it is the same.

    Raises:
        BlobCorrupt: bytes or counts of it are wrong.
    """
    envelope = head.envelope
    entries = tuple(entry for entry in envelope.sections if entry.name != "tail")
    pieces = tuple(entry for entry in envelope.sections if entry.name == "tail")
    base = _base(
        head, entries, {entry.name: section_of(entry) for entry in entries}, held.base if held else None, fetch
    )
    covered = base.graph.rows if base else 0
    ids = tuple(envelope.ids if envelope.packed else envelope.ids[covered:])
    gone = frozenset(envelope.removed)
    tail = Tail(
        covered,
        envelope.params,
        ids,
        {vector_id: row for row, vector_id in enumerate(ids, covered) if row not in gone},
        {} if base and not base.packed and not ids else envelope.metadata,
        [section_of(entry) for entry in pieces],
    )
    return Index(
        envelope.params,
        tail,
        base,
        gone,
        pieces,
        envelope.commit,
        tuple(envelope.applied),
        head.size,
        head.start,
        fetch,
    )


def _base(
    head: Head, entries: tuple[SectionEntry, ...], sections: Mapping[str, Section], held: Base | None, fetch: Fetch
) -> Base | None:
    envelope = head.envelope
    if "graph" not in sections:
        return None
    if held and held.packed and held.entries == entries and held.graph.section is sections["graph"]:
        return held
    graph = Graph(layout_of(envelope.params), envelope.covered, sections["graph"])
    if not envelope.packed:
        fetch((graph.section, None))
        graph.check()
        if not np.isfinite(graph.vectors).all():
            raise BlobCorrupt("a vector of its graph is not finite")
    return Base(
        graph,
        _documents(head, sections.get("rows")),
        _sketch(graph, sections),
        envelope.calibration,
        entries,
        sections.get("columns"),
    )


def _documents(head: Head, section: Section | None) -> Documents:
    envelope = head.envelope
    if section is not None:
        return Packed(section, envelope.packed)
    return Listed(envelope.ids[: envelope.covered], envelope.metadata)


def _sketch(graph: Graph, sections: Mapping[str, Section]) -> Sketch | None:
    if "sketch" not in sections:
        return None
    return Sketch(sections["sketch"], graph.rows, graph.layout.dimension, graph.distance)
