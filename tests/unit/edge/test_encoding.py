"""Content codings: gzip in requests and answers, within bounds."""

import gzip
import random
import tracemalloc
import zlib

import pytest

from vectord.edge import encoding
from vectord.errors import MalformedEncoding, RequestTooLarge, UnsupportedEncoding

BODY = b'{"vector":[1,0]}'
PACKED = gzip.compress(BODY, mtime=0)


def decoded(body: bytes, coding: str = "gzip", *, is_text: bool = False) -> bytes:
    return encoding.decoded(body, coding, is_text=is_text)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip ", "identity, gzip", "gzip,"])
def test_gzip_is_decompressed(coding: str) -> None:
    assert decoded(PACKED, coding) == BODY


@pytest.mark.parametrize("coding", ["", "identity", "Identity", " , "])
def test_a_body_without_a_coding_is_unchanged(coding: str) -> None:
    assert decoded(BODY, coding, is_text=True) == BODY


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "compress", "gzip, br", "br, gzip", "gzip, gzip", "*"])
def test_other_codings_are_not_supported(coding: str) -> None:
    with pytest.raises(UnsupportedEncoding):
        decoded(PACKED, coding)


def test_several_members_are_one_body() -> None:
    assert decoded(b"".join(gzip.compress(BODY[i : i + 3]) for i in range(0, len(BODY), 3))) == BODY


def test_members_of_any_length_are_read_across_the_chunks_in_which_they_are_fed() -> None:
    data = random.Random(1).randbytes(400_000)
    assert decoded(gzip.compress(data[:100_001]) + gzip.compress(data[100_001:])) == data


BROKEN = {
    "not gzip": BODY,
    "zlib": zlib.compress(BODY),
    "cut in the header": PACKED[:5],
    "cut in the data": PACKED[:-9],
    "cut in the checksum": PACKED[:-1],
    "a wrong checksum": PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
    "a wrong length": PACKED[:-4] + b"\1\0\0\0",
    "damaged data": PACKED[:12] + b"\xff\xff" + PACKED[14:],
    "garbage after it": PACKED + b"x",
    "zeros after it": PACKED + bytes(8),
    "half a member after it": PACKED + PACKED[:10],
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_body_that_is_not_whole_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEncoding, match="gzip"):
        decoded(body)


@pytest.mark.parametrize("more", [b"x", bytes(8), PACKED[:10]], ids=["a byte", "zeros", "half a member"])
def test_bytes_after_a_member_are_named(more: bytes) -> None:
    with pytest.raises(MalformedEncoding, match="other bytes after 1 complete gzip member"):
        decoded(PACKED + more)


def test_gzip_that_arrived_as_text_names_the_content_type_to_send() -> None:
    with pytest.raises(MalformedEncoding, match="application/octet-stream"):
        decoded(PACKED.decode(errors="replace").encode(), is_text=True)


@pytest.mark.slow
def test_a_body_of_the_largest_size_is_decompressed() -> None:
    assert len(decoded(gzip.compress(bytes(encoding.MAX_DECODED)))) == encoding.MAX_DECODED


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 3])
def test_a_larger_body_is_refused(members: int) -> None:
    with pytest.raises(RequestTooLarge, match="32 MB"):
        decoded(gzip.compress(bytes(encoding.MAX_DECODED // members + 1)) * members)


@pytest.mark.slow
def test_a_bomb_does_not_take_more_memory_than_the_largest_body() -> None:
    bomb = gzip.compress(bytes(256 << 20), 1)
    tracemalloc.start()
    with pytest.raises(RequestTooLarge):
        decoded(bomb)
    assert tracemalloc.get_traced_memory()[1] < 3 * encoding.MAX_DECODED
    tracemalloc.stop()


def test_very_many_members_are_refused() -> None:
    with pytest.raises(RequestTooLarge, match="members"):
        decoded(gzip.compress(b"") * 20_000)


@pytest.mark.parametrize(
    "header", ["gzip", "GZip", "x-gzip", "gzip;q=0.5", "br, gzip", "deflate, gzip;q=1.0, *;q=0.5", "*", "gzip , br"]
)
def test_gzip_is_accepted(header: str) -> None:
    assert encoding.accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzip;q=0.5, identity", "gzipx"],
)
def test_gzip_is_not_accepted(header: str) -> None:
    assert not encoding.accepts_gzip(header)


def test_what_gzip_does_not_make_smaller_is_not_compressed() -> None:
    assert encoding.compressed(random.Random(1).randbytes(5_000)) is None
    assert gzip.decompress(encoding.compressed(b"x" * 5_000) or b"") == b"x" * 5_000
