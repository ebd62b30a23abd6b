"""Content codings of bodies (RFC 9110, section 8.4): gzip in both directions."""

import re
import zlib
from typing import Final

from vectord.errors import MalformedEncoding, RequestTooLarge, UnsupportedEncoding

MAX_DECODED: Final = 32 << 20  # bytes of a body, compressed in a request or a response, once it is decompressed
LEAST_COMPRESSED: Final = 1_024  # bytes; a smaller answer is sent as it is

_LEVEL: Final = 4  # docs/decisions/api.md, decision 70, has the measurement
_GZIP: Final = zlib.MAX_WBITS | 16  # for zlib: with the header and the checksum of gzip
_MAGIC: Final = b"\x1f\x8b"
_CODINGS: Final = frozenset(("gzip", "x-gzip"))  # the same coding: RFC 9110, section 8.4.1.3
_CHUNK: Final = 64 << 10  # bytes that are fed at a time, because zlib copies what follows the end of a member
_MAX_MEMBERS: Final = 10_000
_WEIGHT: Final = r"\s*([^\s;,]+)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?"  # re compiles it at its first use


def decoded(body: bytes, coding: str, *, is_text: bool) -> bytes:
    """Return a request body without its content coding, the header Content-Encoding.

    `is_text` says that API Gateway passed the body as text and not as base64, which damages compressed bytes.

    Raises:
        UnsupportedEncoding: the coding is neither gzip nor identity, or there are several.
        MalformedEncoding: the body is not gzip, is cut, or has other bytes after it.
        RequestTooLarge: the decompressed body is larger than MAX_DECODED.
    """
    codings = [name for name in (one.strip().lower() for one in coding.split(",")) if name not in {"", "identity"}]
    if not codings or not body:
        return body
    if len(codings) > 1 or codings[0] not in _CODINGS:
        raise UnsupportedEncoding(coding)
    if is_text:
        raise MalformedEncoding(
            "Content-Encoding is gzip, but the body arrived as text. Either it is not compressed, or API Gateway "
            "damaged it: send a compressed body with Content-Type: application/octet-stream. An SDK of S3 Vectors "
            "needs both files of assets/botocore for that, or AWS_DISABLE_REQUEST_COMPRESSION=true (docs/s3vectors.md)."
        )
    return _gunzip(body)


def _gunzip(data: bytes) -> bytes:
    """Decompress the members of a gzip file (RFC 1952); memory is bounded by MAX_DECODED."""
    if not data.startswith(_MAGIC):
        raise MalformedEncoding("Content-Encoding is gzip, but the body does not begin with a gzip header (1f 8b).")
    engine, members, parts, room = zlib.decompressobj(_GZIP), 0, list[bytes](), MAX_DECODED + 1
    for start in range(0, len(data), _CHUNK):
        rest = data[start : start + _CHUNK]
        while rest:
            if engine.eof:
                engine, members = zlib.decompressobj(_GZIP), members + 1
            try:
                parts.append(engine.decompress(rest, room))
            except zlib.error as error:
                what = f"has other bytes after {members:,} complete gzip member(s)" if members else "is not"
                raise MalformedEncoding(f"Content-Encoding is gzip, but the body {what}: {error}.") from error
            room -= len(parts[-1])
            if room <= 0 or members >= _MAX_MEMBERS:
                raise RequestTooLarge(
                    f"A compressed request may have at most {MAX_DECODED >> 20} MB when it is decompressed, in at most "
                    f"{_MAX_MEMBERS:,} gzip members. Divide the batch."
                )
            rest = engine.unused_data
    if not engine.eof:
        rest_of = f", or has other bytes after {members:,} complete gzip member(s)" if members else ""
        raise MalformedEncoding(
            f"Content-Encoding is gzip, but the body ends before the gzip data does. Was it cut{rest_of}?"
        )
    return b"".join(parts)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return True if a caller with this Accept-Encoding (RFC 9110, section 12.5.3) accepts gzip and prefers it.

    Without a weight of its own, identity is accepted but not preferred.
    """
    weights: dict[str, float] = {}
    for one in accept_encoding.split(","):
        if found := re.fullmatch(_WEIGHT, one):
            name = found[1].lower()
            weights["gzip" if name in _CODINGS else name] = float(found[2] or 1)
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def compressed(body: bytes) -> bytes | None:
    """Return the body in gzip; None if that is not smaller, or the body is larger than MAX_DECODED."""
    if len(body) > MAX_DECODED:
        return None
    packed = zlib.compress(body, _LEVEL, _GZIP)
    return packed if len(packed) < len(body) else None
