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
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import envelope as envelopes
from vectord.lhv1.envelope import Envelope, SectionEntry

__all__ = [
    "Envelope",
    "Head",
    "SectionEntry",
    "Truncated",
    "VersionOne",
    "check_section",
    "decode",
    "decode_head",
    "encode_head",
    "entry_of",
]

MAGIC: Final = b"LHV1"
VERSION: Final = 2

_HEAD = struct.Struct(">4sI")
# The envelope's own checksum is its last key; the JSON before its comma is what it covers.
_SEAL = re.compile(rb',[ \t\r\n]*"crc32"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{8})"[ \t\r\n]*\}[ \t\r\n]*\Z')
_SEAL_MAX = 256
_SPACE = b" \t\r\n"


class _Version(msgspec.Struct):
    version: int


class Head(msgspec.Struct, frozen=True):
    """A verified envelope, and where the body starts in the object of `size` bytes."""

    envelope: Envelope
    start: int
    size: int

    def starts(self) -> list[int]:
        """Return the offset in the object at which each section starts."""
        offsets, at = [], self.start
        for entry in self.envelope.sections:
            offsets.append(at)
            at += entry.bytes
        return offsets


class Truncated(Exception):
    """The bytes end before the envelope does; `needed` of them hold it for certain."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class VersionOne(Exception):
    """The blob is of version 1, which has neither a seal nor sections: `vectord.lhv1.v1` reads it, whole."""


def entry_of(name: str, section_id: str, data: bytes | memoryview) -> SectionEntry:
    """Describe a section; `section_id` names the content, so that equal ids mean equal bytes."""
    return SectionEntry(name, len(data), f"{zlib.crc32(data):08x}", section_id)


def encode_head(envelope: Envelope, padded: int = 0) -> bytes:
    """Return what precedes the body: magic, length, and the sealed envelope, padded by whitespace to `padded` bytes."""
    covered = msgspec.json.encode(envelope)[:-1]
    sealed = b'%b,"crc32":"%08x"}' % (covered, zlib.crc32(covered))
    sealed = sealed.ljust(padded - _HEAD.size, b" ")
    return _HEAD.pack(MAGIC, len(sealed)) + sealed


def decode_head(data: bytes, size: int) -> Head:
    """Verify and decode the envelope at the start of `data`, the first bytes of an object of `size` bytes.

    The whitespace that pads an envelope need not be there.

    Raises:
        Truncated: `data` ends too early.
        VersionOne: the blob is of version 1.
        BlobCorrupt: a byte of it is not what was written, or two counts disagree.
        BlobUnsupported: the blob's version, or one of its keys or sections, is unknown here.
    """
    length = _length(data, size)
    raw = bytes(memoryview(data)[_HEAD.size : _HEAD.size + length])
    if len(raw) < length and not _may_be_whole(raw):
        raise Truncated(_HEAD.size + length)
    _check_version(raw)
    envelope = _unseal(raw)
    envelopes.check(envelope)
    head = Head(envelope, _HEAD.size + length, size)
    claimed = sum(entry.bytes for entry in envelope.sections)
    if claimed != size - head.start:
        raise BlobCorrupt(f"its sections claim {claimed:,} bytes and its body has {size - head.start:,}")
    return head


def decode(blob: bytes) -> tuple[Head, dict[SectionEntry, memoryview]]:
    """Verify and decode a whole blob: its head, and the bytes of each section.

    Raises:
        VersionOne, BlobCorrupt, BlobUnsupported: as `decode_head` does; or a section is not what was written.
    """
    try:
        head = decode_head(blob, len(blob))
    except Truncated as error:
        raise BlobCorrupt(f"it has {len(blob):,} bytes, fewer than its head claims") from error
    sections = {}
    for entry, start in zip(head.envelope.sections, head.starts(), strict=True):
        sections[entry] = memoryview(blob)[start : start + entry.bytes]
        check_section(entry, sections[entry])
    return head, sections


def _length(data: bytes, size: int) -> int:
    if size < _HEAD.size:
        raise BlobCorrupt(f"it has {size} bytes, fewer than the {_HEAD.size} of a head")
    if len(data) < _HEAD.size:
        raise Truncated(_HEAD.size)
    magic, length = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise BlobCorrupt("it does not start with the magic bytes LHV1")
    if length > size - _HEAD.size:
        raise BlobCorrupt(f"its envelope claims {length:,} bytes, more than the object holds")
    return int(length)


def check_section(entry: SectionEntry, data: bytes | memoryview) -> None:
    """Compare a section with its checksum.

    Raises:
        BlobCorrupt: they differ.
    """
    if f"{zlib.crc32(data):08x}" != entry.crc32:
        raise BlobCorrupt(f"its section {entry.name!r} does not match the section's crc32")


def _check_version(raw: bytes) -> None:
    # Before the seal: version 1 had none.
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not a JSON object with a version ({error})") from error
    if version == 1:
        raise VersionOne
    if version != VERSION:
        raise BlobUnsupported(f"it has version {version} of LHV1; this vectord reads versions 1 and {VERSION}")


def _may_be_whole(raw: bytes) -> bool:
    """Return whether an envelope may have ended where its bytes were cut: no beginning of a JSON object is one."""
    try:
        # Metadata may hold what looks like a seal.
        return _seal(raw) is not None and bool(msgspec.json.decode(raw, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _seal(raw: bytes) -> re.Match[bytes] | None:
    return _SEAL.search(raw, max(0, len(raw.rstrip(_SPACE)) - _SEAL_MAX))


def _unseal(raw: bytes) -> Envelope:
    seal = _seal(raw) or _SEAL.search(raw)
    if seal is None:
        raise BlobCorrupt("its envelope does not end with a crc32")
    covered = raw[: seal.start()]
    if f"{zlib.crc32(covered):08x}".encode() != seal[1]:
        raise BlobCorrupt("its envelope does not match the envelope's crc32")
    try:
        covered.decode()  # msgspec takes the text of metadata as it is, and answers carry it
        return msgspec.json.decode(covered + b"}", type=Envelope)
    except msgspec.ValidationError as error:
        # The checksum holds, so these are the writer's own words.
        raise BlobUnsupported(f"its envelope is of a form unknown here ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not JSON ({error})") from error
