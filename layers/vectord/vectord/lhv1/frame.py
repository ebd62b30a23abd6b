"""The frame of a blob: encode and decode the head, locate the sections, verify checksums. It does no input or output.

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

MAGIC: Final = b"LHV1"
VERSION: Final = 2

_PREFIX: Final = struct.Struct(">4sI")
# The seal is the last key of the envelope. It covers the JSON text before its own comma.
_SEAL: Final = re.compile(rb',[ \t\r\n]*"crc32"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{8})"[ \t\r\n]*\}[ \t\r\n]*\Z')
_MAX_SEAL: Final = 256  # bytes of a seal as writers usually space it; a longer one is found by a second search
_WHITESPACE: Final = b" \t\r\n"


class _Version(msgspec.Struct):
    version: int


class Head(msgspec.Struct, frozen=True):
    """A verified envelope, the offset at which the body starts, and the size of the object, both in bytes."""

    envelope: Envelope
    body_start: int
    size: int

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


def section_entry(name: str, section_id: str, data: bytes | memoryview) -> SectionEntry:
    """Describe a section. `section_id` names its content: equal ids mean equal bytes."""
    return SectionEntry(name, len(data), f"{zlib.crc32(data):08x}", section_id)


def encode_head(envelope: Envelope, padded_size: int = 0) -> bytes:
    """Return magic, length and sealed envelope, padded with spaces to at least `padded_size` bytes."""
    covered = msgspec.json.encode(envelope)[:-1]
    sealed = b'%b,"crc32":"%08x"}' % (covered, zlib.crc32(covered))
    sealed = sealed.ljust(padded_size - _PREFIX.size, b" ")
    return _PREFIX.pack(MAGIC, len(sealed)) + sealed


def decode_head(data: bytes | memoryview, size: int) -> Head:
    """Verify and decode the envelope in `data`, the first bytes of an object of `size` bytes.

    The spaces that pad the envelope may be missing from `data`.

    Raises:
        Truncated: `data` ends too early.
        VersionOne: the blob has format version 1.
        BlobCorrupt: a checksum is wrong, a value is out of range, or two counts disagree.
        BlobUnsupported: the version, a key or a section is unknown.
    """
    length = _envelope_length(data, size)
    raw = bytes(memoryview(data)[_PREFIX.size : _PREFIX.size + length])
    if len(raw) < length and not _may_be_complete(raw):
        raise Truncated(_PREFIX.size + length)
    _check_version(raw)
    envelope = _unseal(raw)
    envelopes.check(envelope)
    head = Head(envelope, _PREFIX.size + length, size)
    listed = sum(entry.bytes for entry in envelope.sections)
    if listed != size - head.body_start:
        raise BlobCorrupt(
            f"its envelope lists sections of {listed:,} bytes in total, but its body has {size - head.body_start:,}"
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
    # This comes before the check of the seal, which version 1 does not have.
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not a JSON object with a version ({error})") from error
    if version == 1:
        raise VersionOne
    if version != VERSION:
        raise BlobUnsupported(f"its format is LHV1 version {version}; this vectord reads versions 1 and {VERSION}")


def _may_be_complete(raw: bytes) -> bool:
    """Return True if `raw` is a whole JSON object that ends with a seal, so that only padding can be missing."""
    try:
        # The JSON check is necessary: text inside metadata may look like a seal.
        return _find_seal(raw) is not None and bool(msgspec.json.decode(raw, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _find_seal(raw: bytes) -> re.Match[bytes] | None:
    return _SEAL.search(raw, max(0, len(raw.rstrip(_WHITESPACE)) - _MAX_SEAL))


def _unseal(raw: bytes) -> Envelope:
    seal = _find_seal(raw) or _SEAL.search(raw)
    if seal is None:
        raise BlobCorrupt("its envelope does not end with a checksum")
    covered = raw[: seal.start()]
    if f"{zlib.crc32(covered):08x}".encode() != seal[1]:
        raise BlobCorrupt("its envelope does not match its own checksum")
    try:
        covered.decode()  # msgspec does not check the text of metadata, which answers contain as it is
        return msgspec.json.decode(covered + b"}", type=Envelope)
    except msgspec.ValidationError as error:
        # The checksum is right, so another writer wrote exactly this.
        raise BlobUnsupported(f"this version of vectord cannot read its envelope ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not JSON ({error})") from error
