"""The frame and the envelope of a blob: encode and decode the head, locate the sections, verify checksums.

Pure functions on bytes.

offset  size  field
0       4     magic, LHV1
4       4     E, the envelope's length, uint32 big-endian
8       E     envelope, a UTF-8 JSON object
8+E     ...   body: the sections, back to back
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import bucket_index, params, parts_shape, section_names, text_fields
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Params
from vectord.lhv1.parts_shape import PartsShape
from vectord.lhv1.seal import may_be_complete, unseal
from vectord.lhv1.section_names import PARTS_HEAD, PIECE, SECTIONS, TEXTS
from vectord.lhv1.text_fields import ANALYSIS, TextShape

type Data = bytes | memoryview
type Crc32 = Callable[[Data, int], int]  # as `zlib.crc32`: the CRC-32 of bytes after others, whose CRC-32 is given

MAGIC: Final = b"LHV1"
VERSION: Final = 2

_PREFIX: Final = struct.Struct(">4sI")


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


class _Version(msgspec.Struct):
    version: int


class Head(msgspec.Struct, frozen=True):
    """A verified envelope, the offset at which the body starts, and the size of the object, both in bytes."""

    envelope: Envelope
    body_start: int
    size: int

    @property
    def rows_start(self) -> int:
        """The offset of the first section with rows: behind a copy of the head of the partitions, if there is one."""
        first = next(iter(self.envelope.sections), None)
        return self.body_start + (first.bytes if first and first.name == PARTS_HEAD else 0)

    def section_starts(self) -> list[int]:
        """Return the offset of each section in the object."""
        starts, offset = [], self.body_start
        for entry in self.envelope.sections:
            starts.append(offset)
            offset += entry.bytes
        return starts


class Truncated(Exception):
    """The given bytes end inside the envelope; the first `needed` bytes of the object contain all of it."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class VersionOne(Exception):
    """The blob has format version 1, without seal and sections: read the whole object with `vectord.lhv1.v1`."""


def section_entry(name: str, section_id: str, *fields: Data, crc32: Crc32 = zlib.crc32) -> SectionEntry:
    """Return the entry of a section of `fields`, back to back. Equal values of `section_id` mean equal bytes."""
    found = 0
    for field in fields:
        found = crc32(field, found)
    return SectionEntry(name, sum(map(len, fields)), f"{found:08x}", section_id)


def section_entries(sections: Mapping[str, Data], commit: str) -> tuple[tuple[SectionEntry, Data], ...]:
    """Return the new sections of commit `commit`, each with its entry in the envelope."""
    return tuple([(section_entry(name, f"{commit}/{name}", data), data) for name, data in sections.items()])


def encode_head(envelope: Envelope, padded_size: int = 0, alignment: int = 1) -> bytes:
    """Return magic, length and sealed envelope, padded to at least `padded_size` bytes, a multiple of `alignment`."""
    covered = msgspec.json.encode(envelope)[:-1]
    sealed = b'%b,"crc32":"%08x"}' % (covered, zlib.crc32(covered))
    size = -(-max(padded_size, _PREFIX.size + len(sealed)) // alignment) * alignment
    sealed = sealed.ljust(size - _PREFIX.size, b" ")
    return _PREFIX.pack(MAGIC, len(sealed)) + sealed


def decode_head(data: bytes | memoryview, size: int) -> Head:
    """Verify and decode the envelope in `data`, the first bytes of an object of `size` bytes.

    `data` may end before the spaces that pad the envelope.

    Raises:
        Truncated: `data` ends too early.
        VersionOne: the blob has format version 1.
        BlobCorrupt: a checksum is wrong, a value is out of range, or two counts disagree.
        BlobUnsupported: the version, a key or a section is unknown.
    """
    length = _envelope_length(data, size)
    raw = bytes(memoryview(data)[_PREFIX.size : _PREFIX.size + length])
    if len(raw) < length and not may_be_complete(raw):
        raise Truncated(_PREFIX.size + length)
    _check_version(raw)
    envelope = _unseal(raw)
    check_envelope(envelope)
    head = Head(envelope, _PREFIX.size + length, size)
    section_bytes = sum(entry.bytes for entry in envelope.sections)
    if section_bytes != size - head.body_start:
        raise BlobCorrupt(
            f"its envelope lists sections of {section_bytes:,} bytes in total, "
            f"but its body has {size - head.body_start:,}"
        )
    return head


def decode(blob: bytes) -> tuple[Head, dict[SectionEntry, memoryview]]:
    """Verify and decode a whole blob; return its head and the bytes of each section.

    Raises:
        VersionOne, BlobCorrupt, BlobUnsupported: as `decode_head`; also if a section does not match its checksum.
    """
    try:
        head = decode_head(blob, len(blob))
    except Truncated as error:
        raise BlobCorrupt(f"it has {len(blob):,} bytes, fewer than the length of its envelope") from error
    sections = {}
    for entry, start in zip(head.envelope.sections, head.section_starts(), strict=True):
        sections[entry] = memoryview(blob)[start : start + entry.bytes]
        check_section(entry, sections[entry])
    return head, sections


def check_section(entry: SectionEntry, data: bytes | memoryview) -> None:
    """Compare the bytes of a section with its checksum.

    Raises:
        BlobCorrupt: they differ.
    """
    if f"{zlib.crc32(data):08x}" != entry.crc32:
        raise BlobCorrupt(f"its section {entry.name!r} does not match the checksum in the envelope")


def _envelope_length(data: bytes | memoryview, size: int) -> int:
    if size < _PREFIX.size:
        raise BlobCorrupt(f"it has {size} bytes; even an empty index has more than {_PREFIX.size}")
    if len(data) < _PREFIX.size:
        raise Truncated(_PREFIX.size)
    magic, length = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise BlobCorrupt("it does not start with the magic bytes LHV1")
    if length > size - _PREFIX.size:
        raise BlobCorrupt(f"the length of its envelope, {length:,} bytes, exceeds the object")
    return int(length)


def _check_version(raw: bytes) -> None:
    # Check the version before the seal, because version 1 has no seal.
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not a JSON object with a version ({error})") from error
    if version == 1:
        raise VersionOne
    if version != VERSION:
        raise BlobUnsupported(f"its format is LHV1 version {version}; this vectord reads versions 1 and {VERSION}")


def _unseal(raw: bytes) -> Envelope:
    text = unseal(raw)
    try:
        text.decode()  # msgspec does not check that metadata is UTF-8, and answers contain it unchanged
        return msgspec.json.decode(text, type=Envelope)
    except msgspec.ValidationError as error:
        # The checksum matches, so the envelope is intact and comes from another version of a writer.
        raise BlobUnsupported(f"this version of vectord cannot read its envelope ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not JSON ({error})") from error


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
    if reason := params.invalid_ids_reason(envelope.ids, removed, envelope.packed_rows):
        raise BlobCorrupt(f"its envelope lists {reason}")
    if not envelope.metadata.keys() <= set(envelope.ids):
        raise BlobCorrupt("its envelope has metadata of an id that it does not list")
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
    if TEXTS.isdisjoint(names) != (envelope.text is msgspec.UNSET):
        raise BlobCorrupt("the key 'text' in its envelope needs sections of texts, and these need the key")
    if missing := [name for name, is_present in keys.items() if is_present != (name in names)]:
        raise BlobCorrupt(f"its section {missing[0]!r} needs a key in its envelope, and the key needs the section")


def _check_counts(envelope: Envelope) -> None:
    if envelope.parts and (reason := parts_shape.invalid_reason(envelope.parts, envelope.packed_rows)):
        raise BlobCorrupt(f"the key 'parts' in its envelope is invalid: {reason}")
    pieces = sum(entry.name == PIECE for entry in envelope.sections)
    if pieces and (reason := section_names.invalid_counts_reason(envelope.pieces or (), pieces, len(envelope.ids))):
        raise BlobCorrupt(f"the key 'pieces' in its envelope is invalid: {reason}")
    if (text := envelope.text) and text.analysis != ANALYSIS:
        raise BlobUnsupported(f"its texts have the analysis {text.analysis!r}; this vectord reads {ANALYSIS!r}")
    texts = sum(entry.name in TEXTS for entry in envelope.sections)
    if text and (reason := text_fields.invalid_shape_reason(text, texts)):
        raise BlobCorrupt(f"the key 'text' in its envelope is invalid: {reason}")
