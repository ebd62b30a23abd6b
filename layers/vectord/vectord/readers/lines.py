"""Lines of JSON to entries: the vector's text is cut out for a fast reader, msgspec decodes the few bytes around it.

A line is read so only where that provably gives what decoding all of it gives; any other line is decoded whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import RequestInvalid
from vectord.readers.entry import NO_METADATA, VECTOR_JSON, Entry, NewVector, checked_metadata, entry_of_json, unpacked
from vectord.readers.simd import numbers, packed

_VECTOR: Final = re.compile(rb'"vector"[ \t\r]*:[ \t\r]*[\["]')
_QUOTE: Final = ord('"')
_MARK: Final = b"-7.0625e-301"
_MARKED: Final = msgspec.Raw(_MARK)
_BATCH: Final = 128  # entries: a processor's cache holds their numbers until they are narrow

_Cut = tuple[str, bytes | npt.NDArray[np.float32], msgspec.Raw | None]  # what NewVector has; numbers as float64


def entries_of_lines(blocks: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the entry of each line that is not blank; each of the blocks of text ends where a line does.

    Vectors are float32, and infinite where the text's number lies beyond that.
    """
    for batch in batched(_entries(blocks), _BATCH):
        with np.errstate(over="ignore"):
            flat = np.frombuffer(b"".join(_packed(batch)), np.float64).astype(np.float32)
        stop = 0
        for entry in batch:
            if not isinstance(entry, tuple):
                yield entry
            elif isinstance(entry[1], bytes):
                start, stop = stop, stop + len(entry[1]) // 8
                yield NewVector(entry[0], flat[start:stop], entry[2])
            else:
                yield NewVector(entry[0], entry[1], entry[2])


def _packed(batch: Sequence[_Cut | Entry]) -> list[bytes]:
    return [entry[1] for entry in batch if isinstance(entry, tuple) and isinstance(entry[1], bytes)]


def _entries(blocks: Iterable[bytes]) -> Iterator[_Cut | Entry]:
    position = 0
    for block in blocks:
        start, size = 0, len(block)
        while start < size:
            end = block.find(b"\n", start) + 1 or size
            if entry := _cut(block, start, end) or _whole(position, block[start:end]):
                yield entry
            start, position = end, position + 1


def _whole(position: int, line: bytes) -> Entry | None:
    return entry_of_json(position, line, numbers) if line.strip() else None


def _cut(block: bytes, start: int, end: int) -> _Cut | None:
    found = _VECTOR.search(block, start, end)
    if not found:
        return None
    opens = found.end() - 1
    is_text = block[opens] == _QUOTE
    closes = block.find(b'"' if is_text else b"]", opens + 1, end) + 1
    # Why it is sound: the mark lies once in what is left, and is all that msgspec finds as the vector there. So what
    # it replaces is the vector's value in the line, provided that this is one JSON value; its reader sees to that.
    rest = block[start:opens] + _MARK + block[closes:end]
    if not closes or rest.count(_MARK) != 1:
        return None
    try:
        body = VECTOR_JSON.decode(rest)
        if body.vector != _MARKED:
            return None
        vector = unpacked(block[opens + 1 : closes - 1]) if is_text else packed(block[opens:closes])
        return body.id, vector, None if body.metadata is NO_METADATA else checked_metadata(body.metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RequestInvalid):
        return None  # the line as a whole gives the reason
