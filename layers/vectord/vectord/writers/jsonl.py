"""Rows to lines of JSON, as uploads take them: `{"id", "vector", "metadata"}`, metadata where there is some."""

from collections.abc import Iterable, Iterator

import msgspec

from vectord.index.rows import Rows
from vectord.writers.numbers import shortest

_NEWLINES = bytes.maketrans(b"\r\n", b"  ")


def lines(batches: Iterable[Rows]) -> Iterator[bytes]:
    """Yield a block of lines for each batch; a vector's numbers read as float32 are what is stored, bit for bit."""
    encode = msgspec.json.Encoder().encode
    for rows in batches:
        yield b"".join(
            b'{"id":%b,"vector":%b%b}\n' % (encode(vector_id), encode(vector), _metadata(rows.metadata.get(vector_id)))
            for vector_id, vector in zip(rows.ids, shortest(rows.vectors).tolist(), strict=True)
        )


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` as one gzip file."""
    from isal import isal_zlib  # noqa: PLC0415 - not in the layer that all functions load

    packer = isal_zlib.compressobj(level=2, wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _metadata(text: msgspec.Raw | None) -> bytes:
    if text is None:
        return b""
    # A newline in JSON text is white space: inside of strings it is escaped.
    return b',"metadata":' + bytes(text).translate(_NEWLINES)
