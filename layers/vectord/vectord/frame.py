"""LHV1, the blob: bytes to envelope and sections and back. Pure; docs/lhv1.md specifies each byte.

offset  size  field
0       4     magic, LHV1
4       4     E, the envelope's length, uint32 big-endian
8       E     envelope, a UTF-8 JSON object
8+E     ...   body: the sections, back to back
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from vectord import params
from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.params import Params

MAGIC: Final = b"LHV1"
VERSION: Final = 2
SECTIONS: Final = frozenset({"graph"})

_HEAD = struct.Struct(">4sI")
# The envelope's own checksum is its last key; the JSON before its comma is what it covers.
_SEAL = re.compile(rb',[ \t\r\n]*"crc32"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{8})"[ \t\r\n]*\}[ \t\r\n]*\Z')
_SEAL_MAX = 256


class SectionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section of the body: its length in bytes, its crc32 as 8 hex digits, and an id that names its content."""

    name: str
    bytes: int
    crc32: str
    id: str = ""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope without its seal (`crc32`), which exists only in bytes; docs/lhv1.md explains each key."""

    version: int
    params: Params
    ids: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    sections: list[SectionEntry] = msgspec.field(default_factory=list)
    removed: list[int] = msgspec.field(default_factory=list)
    commit: str = ""
    applied: list[str] = msgspec.field(default_factory=list)
    calibration: dict[str, dict[int, float]] = msgspec.field(default_factory=dict)


class _Version(msgspec.Struct):
    version: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section's content; `id` names the content, so that equal ids mean equal bytes."""

    name: str
    id: str
    data: bytes

    def entry(self) -> SectionEntry:
        return SectionEntry(self.name, len(self.data), f"{zlib.crc32(self.data):08x}", self.id)


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded blob: every length, count and checksum of it has been verified."""

    envelope: Envelope
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.name == name), None)


def encode(envelope: Envelope, sections: Sequence[Section]) -> bytes:
    """Return the blob of `envelope` (whose `sections` are taken from the second argument)."""
    described = msgspec.structs.replace(envelope, sections=[section.entry() for section in sections])
    covered = msgspec.json.encode(described)[:-1]
    sealed = b'%b,"crc32":"%08x"}' % (covered, zlib.crc32(covered))
    return b"".join([_HEAD.pack(MAGIC, len(sealed)), sealed, *(section.data for section in sections)])


def decode(blob: bytes) -> Frame:
    """Verify and decode a blob.

    Raises:
        BlobCorrupt: a byte is not what was written, or two counts disagree.
        BlobUnsupported: the blob's version, or one of its keys or sections, is unknown here.
    """
    raw, body = _split(memoryview(blob))
    _check_version(raw)
    envelope = _unseal(raw)
    _check_envelope(envelope)
    return Frame(envelope, _sections(envelope, body))


def _split(view: memoryview) -> tuple[bytes, memoryview]:
    if len(view) < _HEAD.size:
        raise BlobCorrupt(f"it has {len(view)} bytes, fewer than the {_HEAD.size} of a head")
    magic, length = _HEAD.unpack_from(view)
    if magic != MAGIC:
        raise BlobCorrupt("it does not start with the magic bytes LHV1")
    if length > len(view) - _HEAD.size:
        raise BlobCorrupt(f"its envelope claims {length:,} bytes, more than the object holds")
    return bytes(view[_HEAD.size : _HEAD.size + length]), view[_HEAD.size + length :]


def _check_version(raw: bytes) -> None:
    # Before the seal: version 1 had none.
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not a JSON object with a version ({error})") from error
    if version != VERSION:
        raise BlobUnsupported(f"it has version {version} of LHV1; this vectord reads version {VERSION}")


def _unseal(raw: bytes) -> Envelope:
    seal = _SEAL.search(raw, max(0, len(raw) - _SEAL_MAX)) or _SEAL.search(raw)
    if seal is None:
        raise BlobCorrupt("its envelope does not end with a crc32")
    covered = raw[: seal.start()]
    if f"{zlib.crc32(covered):08x}".encode() != seal[1]:
        raise BlobCorrupt("its envelope does not match the envelope's crc32")
    try:
        return msgspec.json.decode(covered + b"}", type=Envelope)
    except msgspec.ValidationError as error:
        # The checksum holds, so these are the writer's own words.
        raise BlobUnsupported(f"its envelope is of a form unknown here ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not JSON ({error})") from error


def _check_envelope(envelope: Envelope) -> None:
    if reason := params.fault(envelope.params):
        raise BlobCorrupt(reason)
    known = set(envelope.ids)
    if len(known) != len(envelope.ids):
        raise BlobCorrupt("an id is listed twice")
    if any(map(params.id_fault, envelope.ids)):
        raise BlobCorrupt("an id is empty or too long")
    if not envelope.metadata.keys() <= known:
        raise BlobCorrupt("metadata belongs to an id that is not listed")
    if envelope.removed:
        raise BlobUnsupported("it marks rows as removed, which this vectord does not read")
    unknown = [entry.name for entry in envelope.sections if entry.name not in SECTIONS]
    if unknown:
        raise BlobUnsupported(f"it has a section {unknown[0]!r}, which this vectord does not read")
    if [entry.name for entry in envelope.sections] != (["graph"] if envelope.ids else []):
        raise BlobCorrupt(f"it lists {len(envelope.ids)} ids beside {len(envelope.sections)} sections")


def _sections(envelope: Envelope, body: memoryview) -> tuple[Section, ...]:
    claimed = sum(entry.bytes for entry in envelope.sections)
    if claimed != len(body) or any(entry.bytes < 0 for entry in envelope.sections):
        raise BlobCorrupt(f"its sections claim {claimed:,} bytes and its body has {len(body):,}")
    sections, start = [], 0
    for entry in envelope.sections:
        part = body[start : start + entry.bytes]
        start += entry.bytes
        if f"{zlib.crc32(part):08x}" != entry.crc32:
            raise BlobCorrupt(f"its section {entry.name!r} does not match the section's crc32")
        # A copy, so that the rows in it are aligned in memory and the blob can be freed.
        sections.append(Section(entry.name, entry.id, bytes(part)))
    return tuple(sections)
