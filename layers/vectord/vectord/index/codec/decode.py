"""Decode an index: from a whole blob of either format version, or from a head whose sections are fetched on demand."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import structs

from vectord.index.mutations import with_rows
from vectord.index.rows import Rows
from vectord.index.sections.base import NOTHING_TO_FETCH, Fetch, MemorySection, Section
from vectord.index.sections.documents import Documents, ListedDocuments, PackedDocuments
from vectord.index.sections.graph import Graph, layout_of
from vectord.index.sections.parts import Parts
from vectord.index.sections.piece import Piece
from vectord.index.sections.sketch import Sketch
from vectord.index.state import Base, Index, Tail, empty_index
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope, Head, SectionEntry
from vectord.lhv1.section_names import PARTS_HEAD, PIECE, PIECE_TEXT, TEXT
from vectord.lhv1.text_fields import TextShape, sparse_numbers

if TYPE_CHECKING:  # an index without texts does not import them
    from vectord.index.sections.text import Text

_NOT_OF_BASE: Final = frozenset({PARTS_HEAD, PIECE, PIECE_TEXT, "tail"})

OpenSection = Callable[[SectionEntry], Section]


def open_blob(blob: bytes) -> Index:
    """Return the index that a whole blob of either format version contains.

    Raises:
        BlobCorrupt: a checksum is wrong, or two values contradict each other.
        BlobUnsupported: this vectord does not know its format version or one of its keys.
    """
    try:
        head, parts = frame.decode(blob)
    except frame.VersionOne:
        return open_version_1(blob)
    # Copies, so that the rows in them are aligned in memory and the blob can be freed.
    sections: dict[SectionEntry, Section] = {entry: MemorySection(bytes(part)) for entry, part in parts.items()}
    return open_head(head, sections.__getitem__, NOTHING_TO_FETCH)


def open_version_1(blob: bytes, name: str | None = None) -> Index:
    """Return the index that a whole blob of format version 1 contains; `name` is the object's, if known.

    The format has no sections: all rows are in memory, until a commit encodes them in version 2.

    Raises:
        BlobCorrupt, BlobUnsupported: as in `lhv1.v1.blob.read`.
    """
    from vectord.lhv1.v1 import blob as v1_blob  # noqa: PLC0415  few blobs have version 1

    decoded = v1_blob.read(blob, name)
    index = with_rows(empty_index(decoded.params), Rows(decoded.ids, decoded.vectors, decoded.metadata))
    # The cache counts the bytes before `body_start` as bytes in memory, which is the whole blob.
    return structs.replace(index, size=len(blob), body_start=len(blob))


def open_head(head: Head, open_section: OpenSection, fetch: Fetch, earlier: Index | None = None) -> Index:
    """Return the index with the given verified head; bytes of its sections are fetched on demand.

    The base and the pieces of `earlier`, an earlier state, are reused if they have the same sections.

    Raises:
        BlobCorrupt: a checksum is wrong, or two values contradict each other.
    """
    envelope = head.envelope
    base_entries = tuple(entry for entry in envelope.sections if entry.name not in _NOT_OF_BASE)
    sections = {entry.name: open_section(entry) for entry in base_entries}
    base_rows, start, packed = envelope.base_rows, head.rows_start, "rows" in sections
    base = None
    if base_rows:
        base = _reused_base(earlier, base_entries, sections) or _base(
            envelope, base_rows, base_entries, sections, fetch
        )
    ids = tuple(envelope.ids if packed else envelope.ids[base_rows:])
    piece_entries = [entry for entry in reversed(envelope.sections) if entry.name == PIECE]  # the oldest first
    listed_entries = [entry for entry in envelope.sections if entry.name == "tail"]
    text_entries = [entry for entry in reversed(envelope.sections) if entry.name == PIECE_TEXT]
    text_sections = [open_section(entry) for entry in text_entries]
    tail = Tail(
        first=base_rows,
        params=envelope.params,
        pieces=_pieces(envelope, [open_section(entry) for entry in piece_entries], earlier) if piece_entries else (),
        ids=ids,
        metadata={} if base and not packed and not ids else envelope.metadata,
        sections=tuple([open_section(entry) for entry in listed_entries]),
        texts=_texts_of_pieces(envelope, envelope.text, text_sections, earlier) if envelope.text else (),
    )
    return Index(
        params=envelope.params,
        tail=tail,
        base=base,
        removed=frozenset(envelope.removed),
        tail_entries=(*piece_entries, *listed_entries),
        commit=envelope.commit,
        applied=tuple(envelope.applied),
        size=head.size,
        body_start=start,
        fetch=fetch,
        bucket_index=envelope.s3vectors or None,
        text_entries=tuple(text_entries),
        text_fields=envelope.text.fields if envelope.text else {},
    )


def _pieces(envelope: Envelope, sections: list[Section], earlier: Index | None) -> tuple[Piece, ...]:
    """Return the pieces of `sections`, the oldest first; those of an earlier state if it has the same sections."""
    known = {id(piece.section): piece for piece in earlier.tail.pieces} if earlier is not None else {}
    params, pieces = envelope.params, []
    for section, rows in zip(sections, reversed(envelope.pieces or ()), strict=True):
        piece = known.get(id(section))
        is_same = piece and (piece.rows, piece.dimension, piece.distance) == (rows, params.dimension, params.distance)
        pieces.append(piece if piece and is_same else Piece(section, rows, params.dimension, params.distance))
    return tuple(pieces)


def _texts_of_pieces(
    envelope: Envelope, shape: TextShape, sections: Sequence[Section], earlier: Index | None
) -> "tuple[Text, ...]":
    """Return the texts of each piece, the oldest first; those of an earlier state if it has the same sections."""
    known = {id(text.section): text for text in earlier.tail.texts} if earlier is not None else {}
    rows, of_sections = reversed(envelope.pieces or ()), reversed(shape.of_sections[: len(sections)])
    texts = []
    for section, of_piece, (front, samples) in zip(sections, rows, of_sections, strict=True):
        text = known.get(id(section))
        is_same = text and (text.rows, text.fields, text.front_bytes, text.sparse, text.samples) == (
            of_piece,
            len(shape.fields),
            front,
            sparse_numbers(shape.fields),
            samples,
        )
        texts.append(text if text and is_same else _text(section, of_piece, shape, (front, samples)))
    return tuple(texts)


def _text(section: Section, rows: int, shape: TextShape, of_section: tuple[int, bytes]) -> "Text":
    from vectord.index.sections.text import Text  # noqa: PLC0415  few indexes have texts

    front, samples = of_section
    return Text(section, rows, len(shape.fields), front, sparse_numbers(shape.fields), samples)


def _reused_base(
    earlier: Index | None, entries: tuple[SectionEntry, ...], sections: Mapping[str, Section]
) -> Base | None:
    """Return the base of an earlier state if it has the same sections."""
    base = earlier.base if earlier is not None else None
    is_same = base and base.entries == entries and base.graph.section is sections["graph"] and base.packed
    return base if is_same else None


def _base(
    envelope: Envelope, rows: int, entries: tuple[SectionEntry, ...], sections: Mapping[str, Section], fetch: Fetch
) -> Base:
    graph = Graph(layout_of(envelope.params), rows, sections["graph"])
    documents: Documents
    if "rows" in sections:
        documents = PackedDocuments(sections["rows"], rows)
    else:
        if not graph.section.whole:
            fetch((graph.section, None))
        graph.check_all()
        documents = ListedDocuments(envelope.ids[:rows], envelope.metadata)
    sketch = Sketch(sections["sketch"], rows, graph.layout.dimension, graph.distance) if "sketch" in sections else None
    parts = None
    if envelope.parts:
        parts = Parts(sections["parts"], rows, graph.layout.dimension, graph.distance, envelope.parts)
    text = None
    if envelope.text:
        text = _text(sections[TEXT], rows, envelope.text, envelope.text.of_sections[-1])
    return Base(graph, documents, sketch, envelope.calibration, entries, sections.get("columns"), parts, text)
