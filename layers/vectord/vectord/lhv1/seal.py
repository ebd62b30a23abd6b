"""Read the seal of an envelope: its last key, `crc32`, which covers the JSON text before the comma of the seal.

{"version":2,...,"crc32":"1a2b3c4d"}
"""

import re
import zlib
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt

_SEAL: Final = re.compile(rb',[ \t\r\n]*"crc32"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{8})"[ \t\r\n]*\}[ \t\r\n]*\Z')
_MAX_SEAL: Final = 256  # bytes of a seal with usual spacing; a second search finds a longer one
_WHITESPACE: Final = b" \t\r\n"


def unseal(raw: bytes) -> bytes:
    """Compare the seal at the end of `raw` with the text before it; return that text, as a JSON object.

    Raises:
        BlobCorrupt: there is no seal, or it does not match.
    """
    found = _find(raw) or _SEAL.search(raw)
    if found is None:
        raise BlobCorrupt("its envelope does not end with a checksum")
    covered = raw[: found.start()]
    if f"{zlib.crc32(covered):08x}".encode() != found[1]:
        raise BlobCorrupt("its envelope does not match its own checksum")
    return covered + b"}"


def may_be_complete(raw: bytes) -> bool:
    """Return True if `raw` is a whole JSON object that ends with a seal, so that only padding can be missing."""
    try:
        # The JSON check is necessary: text inside metadata may look like a seal.
        return _find(raw) is not None and bool(msgspec.json.decode(raw, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _find(raw: bytes) -> re.Match[bytes] | None:
    return _SEAL.search(raw, max(0, len(raw.rstrip(_WHITESPACE)) - _MAX_SEAL))
