"""Add columns of rows in this process: the function `add` gets them as they are, without JSON and base64.

Everything else is as for a request: one commit, checks, preconditions, the idempotency key, errors with positions.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import batched
from typing import Any, Final

import msgspec
import numpy as np

from vectord.errors import BadItem, VectordError
from vectord.index.codec.encode import OTHER_ROOM, room_for_vectors
from vectord.readers.entry import METADATA_ERRORS, checked_metadata
from vectord.readers.matrix import EntryMatrix
from vectord.service.service import Service
from vectord.service.values.options import Deadline
from vectord_client.embedded import events, routes
from vectord_client.embedded.engine import Engine
from vectord_client.rows.block import Block
from vectord_client.wire.request import Request

_LARGE: Final = 16 << 20  # bytes of vectors; for fewer, threads are not worth their start
_CHUNK: Final = 256  # texts that are decoded at a time: fewer objects than start Python's garbage collector
# A text of fewer bytes has at most 99 levels, each with two brackets, and need not be checked for its levels.
_SHALLOW: Final = 200
_NULL: Final = b"null"
_MARKS: Final = bytes.maketrans(b"123456789E", b"000000000e")  # shows where exponents are
_RAW_TEXTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def early_write(engine: Engine, request: Request, timeout: float) -> AbstractContextManager[Callable[[], int]]:
    """Write the vectors of a large request to an empty index in the background, while the block checks it.

    The file of the index has them at an offset that depends on their number only. The block gets a function that
    returns the CRC-32 of the vectors; that of a large request is computed in the background.
    """
    rows: Block = request.rows
    if len(rows.vectors) < _LARGE:
        return nullcontext(partial(zlib.crc32, rows.vectors))
    if not _is_empty(engine.service, request, timeout):
        return _early_crc32(rows)
    return engine.store.write_early(rows.vectors, room_for_vectors(len(rows.ids), rows.dimension))


@contextmanager
def _early_crc32(rows: Block) -> Iterator[Callable[[], int]]:
    with ThreadPoolExecutor(1) as pool:  # zlib releases the interpreter lock, and the block needs it all the time
        yield pool.submit(zlib.crc32, rows.vectors).result


def _is_empty(service: Service, request: Request, timeout: float) -> bool:
    """Return True if a request adds rows to an index that is a single object without rows."""
    name = routes.match(request.method, request.path).parameters["name"]
    try:
        found = service.describe(name, Deadline(service.environment.now() + timeout))
    except VectordError:  # the request reports it
        return False
    return not found.count and found.size <= OTHER_ROOM and not found.params.shards


def event_of(request: Request, crc32: Callable[[], int]) -> Mapping[str, Any]:
    """Return the event of a request to add `rows`, which the function `add` accepts in place of a body.

    The vectors are not copied: they must not change before the request is answered. `crc32` returns their CRC-32.
    """
    event, batch = events.event_of(request, routes.match(request.method, request.path)), batch_of(request.rows)
    if "idempotency-key" not in request.headers:
        return {**event, "batch": batch}
    return {**event, "batch": batch, "body": b"" if batch.bad else _digest_of(batch, crc32())}


def batch_of(rows: Block) -> EntryMatrix:
    """Return rows as a batch. What is wrong with an id or with metadata is an error of its row."""
    bad = dict(_bad_ids(rows.ids))
    vectors = np.frombuffer(rows.vectors, "<f4").reshape(len(rows.ids), rows.dimension)
    return EntryMatrix(rows.ids, vectors, _texts(rows.metadata, rows.ids, bad), bad)


def _digest_of(batch: EntryMatrix, crc: int) -> bytes:
    """Return a digest of a batch, in place of a body; by it the service recognizes a repeat of one key.

    `crc` is the CRC-32 of the vectors.
    """
    for column in (batch.ids, batch.metadata):
        crc = zlib.crc32(msgspec.json.encode(column), crc)
    return b"%d rows %08x" % (len(batch), crc)


def _bad_ids(ids: Sequence[str]) -> Iterator[tuple[int, BadItem]]:
    try:
        "".join(ids).encode()
    except (TypeError, UnicodeEncodeError):
        for row, vector_id in enumerate(ids):
            if not isinstance(vector_id, str):
                yield row, BadItem(row, None, f"id must be text, not {type(vector_id).__name__}")
            elif not _is_unicode(vector_id):
                yield row, BadItem(row, None, "id has half a surrogate pair, which UTF-8 cannot have")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(
    metadata: Sequence[bytes | None], ids: Sequence[str], bad: dict[int, BadItem]
) -> Sequence[msgspec.Raw | None]:
    """Return checked metadata, and add what is not valid to `bad`."""
    texts: list[msgspec.Raw | None] = []
    for some in batched(metadata, _CHUNK):
        if (valid := _valid_texts(some)) is not None:
            texts += valid
        else:
            for text in some:
                texts.append(_checked(text, len(texts), ids, bad))
    return texts


def _valid_texts(texts: Sequence[bytes | None]) -> Sequence[msgspec.Raw | None] | None:
    """Return texts that are certainly valid, None if one may not be; they are checked at once, which is faster."""
    given = [_NULL if text is None else text for text in texts]
    lengths = list(map(len, given))
    if max(lengths) >= _SHALLOW:
        return None
    joined = b"[%b]" % b",".join(given)
    try:
        raw = _RAW_TEXTS.decode(joined)
        if not _is_plain(joined):
            msgspec.json.decode(joined)
    except METADATA_ERRORS:
        return None
    # Equal lengths show that each item is one text: `1,2` would be two items, and `[1` with `2]` one.
    if list(map(len, raw)) != lengths:
        return None
    return [None if bytes(text) == _NULL else text for text in raw] if _NULL in joined else raw


def _is_plain(joined: bytes) -> bool:
    """Return True if short texts, over which msgspec has skipped without an error, can certainly be decoded.

    That checks the syntax with all escapes, but neither UTF-8 nor that a number is in range. A short text needs an
    exponent of three digits for a number out of range.

    Raises:
        UnicodeDecodeError: they are not UTF-8.
    """
    joined.decode()
    marks = joined.translate(_MARKS)
    return b"0e000" not in marks and b"0e+000" not in marks


def _checked(text: bytes | None, row: int, ids: Sequence[str], bad: dict[int, BadItem]) -> msgspec.Raw | None:
    try:
        return None if text is None else checked_metadata(msgspec.Raw(text))
    except METADATA_ERRORS as error:
        reason = str(error) if isinstance(error, VectordError) else f"metadata is not valid: {error}"
        bad.setdefault(row, BadItem(row, ids[row], reason))
        return None
