"""The envelope of a blob: what it says about the index and its sections, and what values it cannot have."""

import msgspec

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import bucket_index, params, parts_shape, section_names, text_fields
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Params
from vectord.lhv1.parts_shape import PartsShape
from vectord.lhv1.section_names import PIECE, SECTIONS, TEXTS
from vectord.lhv1.text_fields import ANALYSIS, TextShape


class SectionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section of the body: name, length in bytes, CRC-32 as 8 hex digits, and an id that names its content."""

    name: str
    bytes: int
    crc32: str
    id: str = ""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope without its seal (the key `crc32`); docs/lhv1.md explains each key."""

    version: int
    params: Params
    ids: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    sections: list[SectionEntry] = msgspec.field(default_factory=list)
    removed: list[int] = msgspec.field(default_factory=list)
    commit: str = ""
    applied: list[str] = msgspec.field(default_factory=list)
    calibration: dict[str, dict[int, float]] = msgspec.field(default_factory=dict)
    graph_rows: int | msgspec.UnsetType = msgspec.UNSET
    s3vectors: BucketIndex | msgspec.UnsetType = msgspec.UNSET
    parts: PartsShape | msgspec.UnsetType = msgspec.UNSET
    pieces: list[int] | msgspec.UnsetType = msgspec.UNSET
    text: TextShape | msgspec.UnsetType = msgspec.UNSET

    @property
    def packed_rows(self) -> int:
        """The number of rows in the section `rows`; 0 in the plain form."""
        return self.graph_rows or 0

    @property
    def base_rows(self) -> int:
        """The number of rows of the graph. In the plain form `ids` lists them first, then the tail's."""
        return self.packed_rows or len(self.ids) - self.listed_tail_rows

    @property
    def tail_rows(self) -> int:
        """The number of rows in all sections `piece` and `tail`."""
        return sum(self.pieces or ()) + self.listed_tail_rows

    @property
    def listed_tail_rows(self) -> int:
        """The number of rows in all sections `tail`, whose ids are in `ids`. Sections `piece` have their own."""
        return sum(entry.bytes for entry in self.sections if entry.name == "tail") // (4 * self.params.dimension)


def check_envelope(envelope: Envelope) -> None:
    """Check ranges, and compare counts with each other.

    Raises:
        BlobCorrupt: a value is out of range, or two values contradict each other.
        BlobUnsupported: a section has an unknown name.
    """
    if reason := params.invalid_reason(envelope.params):
        raise BlobCorrupt(f"a parameter in its envelope is invalid: {reason}")
    if envelope.s3vectors and (reason := bucket_index.invalid_reason(envelope.s3vectors, envelope.params)):
        raise BlobCorrupt(f"a value under 's3vectors' in its envelope is invalid: {reason}")
    _check_sections(envelope)
    _check_counts(envelope)
    base, tail, listed = envelope.base_rows, envelope.tail_rows, envelope.listed_tail_rows
    if base < 0 or envelope.packed_rows < 0 or (envelope.packed_rows and len(envelope.ids) != listed):
        raise BlobCorrupt(f"its envelope lists {len(envelope.ids):,} ids, but its tail has {listed:,} rows")
    if (base > 0) != any(entry.name == "graph" for entry in envelope.sections):
        contradiction = "rows of a graph, but no section 'graph'" if base else "a section 'graph', but no rows of it"
        raise BlobCorrupt(f"its envelope lists {contradiction}")
    removed = set(envelope.removed)
    if len(removed) != len(envelope.removed) or not all(0 <= row < base + tail for row in removed):
        raise BlobCorrupt("its envelope lists a removed row twice, or a removed row that does not exist")
    _check_ids(envelope, removed)
    for effort, recall in (point for curve in envelope.calibration.values() for point in curve.items()):
        if not 1 <= effort < 2**31 or not 0 <= recall <= 1:
            raise BlobCorrupt("its calibration has an effort or a recall that is out of range")


def _check_sections(envelope: Envelope) -> None:
    names = [entry.name for entry in envelope.sections]
    if unknown := set(names) - SECTIONS:
        raise BlobUnsupported(f"this version of vectord cannot read its section {min(unknown)!r}")
    if reason := section_names.invalid_reason(names):
        raise BlobCorrupt(f"its sections do not belong together: {reason}")
    row_size = 4 * envelope.params.dimension
    if any(entry.bytes < 0 or (entry.name == "tail" and entry.bytes % row_size) for entry in envelope.sections):
        raise BlobCorrupt("the length of one of its sections is negative, or not a whole number of rows")
    keys = {
        "rows": envelope.packed_rows > 0,
        "parts": envelope.parts is not msgspec.UNSET,
        PIECE: envelope.pieces is not msgspec.UNSET,
    }
    texts = sum(name in TEXTS for name in names)
    if (texts > 0) != (envelope.text is not msgspec.UNSET):
        raise BlobCorrupt("the key 'text' in its envelope needs sections of texts, and these need the key")
    if missing := [name for name, is_present in keys.items() if is_present != (name in names)]:
        raise BlobCorrupt(f"its section {missing[0]!r} needs a key in its envelope, and the key needs the section")


def _check_counts(envelope: Envelope) -> None:
    if envelope.parts and (reason := parts_shape.invalid_reason(envelope.parts, envelope.packed_rows)):
        raise BlobCorrupt(f"the key 'parts' in its envelope is invalid: {reason}")
    pieces = sum(entry.name == PIECE for entry in envelope.sections)
    if pieces and (reason := section_names.invalid_counts_reason(envelope.pieces or (), pieces, len(envelope.ids))):
        raise BlobCorrupt(f"the key 'pieces' in its envelope is invalid: {reason}")
    if envelope.text:
        _check_texts(envelope, envelope.text)


def _check_texts(envelope: Envelope, shape: TextShape) -> None:
    if shape.analysis != ANALYSIS:
        raise BlobUnsupported(f"its texts have the analysis {shape.analysis!r}; this vectord reads {ANALYSIS!r}")
    if reason := text_fields.invalid_shape_reason(shape, sum(entry.name in TEXTS for entry in envelope.sections)):
        raise BlobCorrupt(f"the key 'text' in its envelope is invalid: {reason}")


def _check_ids(envelope: Envelope, removed: set[int]) -> None:
    first_row = envelope.packed_rows  # ids of the graph's rows are in the section `rows`
    distinct = set(envelope.ids)
    if len(distinct) != len(envelope.ids):
        live = [vector_id for row, vector_id in enumerate(envelope.ids, first_row) if row not in removed]
        if len(set(live)) != len(live):
            raise BlobCorrupt("its envelope lists an id twice")
    if not params.are_valid_ids(distinct):
        raise BlobCorrupt("an id in its envelope is empty or too long")
    if not envelope.metadata.keys() <= distinct:
        raise BlobCorrupt("its envelope has metadata of an id that it does not list")
