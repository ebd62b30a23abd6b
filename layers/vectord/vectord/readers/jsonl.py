"""Read lines of JSON fast: simdjson parses the numbers of a vector, msgspec the few bytes around them.

A line is split only if the result provably equals that of decoding the whole line. Other lines are decoded whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, FileRefused, RequestInvalid
from vectord.readers.entry import (
    LEAST_ROW,
    NO_METADATA,
    ROW_BYTES,
    VECTOR_JSON,
    Entry,
    NewVector,
    check_rows,
    checked_metadata,
    decode_base64,
    entry_of_json,
    may_repeat,
    parse_numbers,
    row_limit,
)
from vectord.readers.malformed import BOM, is_wide

if TYPE_CHECKING:
    import csimdjson

_VECTOR: Final = re.compile(rb'"vector"[ \t\r]*:[ \t\r]*[\["]')
_BLANK_LINES: Final = re.compile(rb"[ \t\r\n\v\f]*\n")
_SPACE: Final = ord(" ")
_QUOTE: Final = ord('"')
_PLACEHOLDER: Final = b"-7.0625e-301"
_PLACEHOLDER_JSON: Final = msgspec.Raw(_PLACEHOLDER)
_LIMIT: Final = 1 << 30  # bytes
_BATCH: Final = 128  # entries whose float64 numbers fit a processor cache until they are converted to float32
_BATCH_BYTES: Final = 8 << 20  # more than 128 vectors of the largest dimension, if they have float64 numbers

# id; float64 bytes or float32; metadata; position
_Split = tuple[str, bytes | npt.NDArray[np.float32], msgspec.Raw | None, int]


def entries_of_lines(blocks: Iterable[bytes], limit: int = _LIMIT) -> Iterator[Entry]:
    """Yield the entry of each line that is not blank. Each block of text must end at the end of a line.

    Most vectors are float32; a number beyond the range of float32 becomes infinite. A byte order mark at the start of
    the text is skipped, as RFC 8259 allows.

    Raises:
        FileRefused: the text is UTF-16 or UTF-32, or its rows or one of its lines do not fit in `limit` bytes.
    """
    rows = size = 0
    for batch in _batches(_entries(_without_mark(blocks), limit)):
        with np.errstate(over="ignore"):
            flat = np.frombuffer(b"".join(_float64_bytes(batch)), np.float64).astype(np.float32)
        rows, size = rows + len(batch), size + flat.nbytes
        if rows * ROW_BYTES > limit:
            check_rows(rows, limit)
        if size > limit:
            raise FileRefused(f"its vectors decode to more than {limit:,} bytes; split it")
        stop = 0
        for entry in batch:
            if not isinstance(entry, tuple):
                yield entry
            elif isinstance(entry[1], bytes):
                start, stop = stop, stop + len(entry[1]) // 8
                yield NewVector(entry[0], flat[start:stop], entry[2], entry[3])
            else:
                yield NewVector(entry[0], entry[1], entry[2], entry[3])


def _batches(entries: Iterable[_Split | Entry]) -> Iterator[list[_Split | Entry]]:
    """Yield the entries in batches of up to 128.

    A batch with long vectors is shorter, since a number is up to 8 times its text. One with long metadata or a bad line
    is shorter too: decoding it can take a second, and the caller checks its deadline between batches.
    """
    batch, size = list[_Split | Entry](), 0
    for entry in entries:
        batch.append(entry)
        size += _weight(entry)
        if len(batch) == _BATCH or size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _weight(entry: _Split | Entry) -> int:
    """Return the bytes of an entry that count for its batch; a bad line ends the batch."""
    if isinstance(entry, BadItem):
        return _BATCH_BYTES + 1
    vector, metadata = (entry[1], entry[2]) if isinstance(entry, tuple) else (b"", entry.metadata)
    return len(vector) + (0 if metadata is None else len(metadata))


def parse_numbers_fast(text: bytes) -> npt.NDArray[np.float64]:
    """Return a JSON array of numbers as float64; the same result and exceptions as `entry.parse_numbers`."""
    return np.frombuffer(_parse_to_bytes(text), np.float64)


def _float64_bytes(batch: Sequence[_Split | Entry]) -> list[bytes]:
    return [entry[1] for entry in batch if isinstance(entry, tuple) and isinstance(entry[1], bytes)]


def _without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `blocks` without the byte order mark at the start of the first one."""
    is_first = True
    for block in blocks:
        if is_first and (b"\0" in block[:8] or block[:1] > b"\x7f") and is_wide(block):
            raise FileRefused("it is UTF-16 or UTF-32, or begins with zero bytes; save it as UTF-8")
        yield block.removeprefix(BOM) if is_first else block
        is_first = False


def _entries(blocks: Iterable[bytes], limit: int) -> Iterator[_Split | Entry]:
    position = 0
    for block in blocks:
        start, size = 0, len(block)
        while start < size:
            # A run of blank lines is skipped at once, because a small compressed file can have a hundred million.
            if block[start] <= _SPACE and (blank := _BLANK_LINES.match(block, start)):
                start, position = blank.end(), position + block.count(b"\n", start, blank.end())
                continue
            end = block.find(b"\n", start) + 1 or size
            if end - start > LEAST_ROW and end - start > (longest := row_limit(limit)):
                raise FileRefused(f"line {position + 1:,} has more than {longest:,} bytes, which no row may have")
            if entry := _split_line(position, block, start, end) or _whole_line(position, block[start:end]):
                yield entry
            start, position = end, position + 1


def _whole_line(position: int, line: bytes) -> Entry | None:
    return entry_of_json(position, line, parse_numbers_fast) if line.strip() else None


def _split_line(position: int, block: bytes, start: int, end: int) -> _Split | None:
    """Decode the line `block[start:end]` in two parts; return None if it must be decoded whole."""
    key = _VECTOR.search(block, start, end)
    if not key:
        return None
    opens = key.end() - 1
    is_base64 = block[opens] == _QUOTE
    closes = block.find(b'"' if is_base64 else b"]", opens + 1, end) + 1
    # This is correct because the placeholder occurs once in the rest, and msgspec decodes it as the value of "vector".
    # So the replaced text is that value if it is one JSON value, which the parser of the replaced text checks.
    rest = block[start:opens] + _PLACEHOLDER + block[closes:end]
    if not closes or rest.count(_PLACEHOLDER) != 1:
        return None
    try:
        body = VECTOR_JSON.decode(rest)
        given = None if body.metadata is NO_METADATA else body.metadata
        if body.vector != _PLACEHOLDER_JSON or body.sparse is not NO_METADATA:
            return None
        vector = decode_base64(block[opens + 1 : closes - 1]) if is_base64 else _parse_to_bytes(block[opens:closes])
        if may_repeat(rest, body.id, given):
            return None
        metadata = None if given is None else checked_metadata(given)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RequestInvalid):
        return None  # decode the whole line for the error message
    return body.id, vector, metadata, position


def _parse_to_bytes(text: bytes) -> bytes:
    """Return the bytes of the float64 array of a JSON array of numbers; bytes can be joined faster than arrays."""
    if text.find(b"[", 1) >= 0:
        return parse_numbers(text).tobytes()  # simdjson would flatten nested arrays
    try:
        return bytes(_parser().parse(text).as_buffer(of_type="d"))
    except (TypeError, ValueError, AttributeError, RuntimeError):
        # RuntimeError is simdjson's exception for integers beyond 64 bits and for deeply nested objects.
        return parse_numbers(text).tobytes()  # for a message that names the wrong value


@cache
def _parser() -> "csimdjson.Parser":
    import csimdjson  # noqa: PLC0415  installed only in the functions that read files

    return csimdjson.Parser()
