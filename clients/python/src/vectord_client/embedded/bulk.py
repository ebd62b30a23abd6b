"""Add columns of rows in this process: the function `add` gets them as they are, without JSON and base64.

Everything else is as for a request: one commit, checks, preconditions, the idempotency key, errors with positions.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, VectordError
from vectord.readers.entry import METADATA_ERRORS, checked_metadata
from vectord.readers.matrix import EntryMatrix
from vectord_client.embedded import events, routes
from vectord_client.wire.request import Request

_CHUNK: Final = 1_024  # texts that are decoded at a time
# A text of fewer bytes has at most 99 levels, each with two brackets, and need not be checked for its levels.
_SHALLOW: Final = 200
_NULL: Final = b"null"
_RAW_TEXTS: Final = msgspec.json.Decoder(list[msgspec.Raw])

Vectors: TypeAlias = memoryview | npt.NDArray[np.float32]


def event_of(request: Request, batch: EntryMatrix) -> Mapping[str, Any]:
    """Return the event of a request to add a batch, which the function `add` accepts in place of a body."""
    keyed = _with_digest(request, batch) if "idempotency-key" in request.headers else request
    event = events.event_of(keyed, routes.match(request.method, request.path))
    return {**event, "batch": batch}


def batch_of(ids: Sequence[str], vectors: Vectors, metadata: Sequence[bytes | None] | None = None) -> EntryMatrix:
    """Return rows as a batch. Errors in ids and metadata are those of their rows; nothing is copied.

    `vectors` is a matrix of float32, or its bytes; `metadata` has JSON texts. None of them may change before the batch
    is added.

    Raises:
        ValueError: the columns have different lengths.
    """
    matrix = _matrix(vectors, len(ids))
    bad = dict(_bad_ids(ids))
    texts = None if metadata is None else _texts(metadata, ids, bad)
    return EntryMatrix(ids, matrix, texts, bad)


def _with_digest(request: Request, batch: EntryMatrix) -> Request:
    """Return the request with a digest of the batch as its body: by it the service recognizes a repeat with one key."""
    crc = zlib.crc32(batch.vectors.reshape(-1).view(np.uint8).data)
    for column in (batch.ids, batch.metadata or ()):
        crc = zlib.crc32(msgspec.json.encode(column), crc)
    return msgspec.structs.replace(request, body=b"%d rows %08x" % (len(batch), crc))


def _matrix(vectors: Vectors, rows: int) -> npt.NDArray[np.float32]:
    if isinstance(vectors, np.ndarray):
        return np.ascontiguousarray(vectors, np.float32)
    flat = np.frombuffer(vectors, "<f4")
    if not rows or len(flat) % rows:
        raise ValueError(f"{len(flat):,} components are not {rows:,} vectors of one length")
    return flat.reshape(rows, -1)


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
        if _are_valid(some):
            texts += [None if text is None or text == _NULL else msgspec.Raw(text) for text in some]
        else:
            for text in some:
                texts.append(_checked(text, len(texts), ids, bad))
    return texts


def _are_valid(texts: Sequence[bytes | None]) -> bool:
    """Return True if the texts are certainly valid: they are decoded at once, which saves half of the time."""
    given = [_NULL if text is None else text for text in texts]
    if max(map(len, given)) >= _SHALLOW:
        return False
    joined = b"[%b]" % b",".join(given)
    try:
        msgspec.json.decode(joined)
        return [bytes(raw) for raw in _RAW_TEXTS.decode(joined)] == given
    except METADATA_ERRORS:
        return False


def _checked(text: bytes | None, row: int, ids: Sequence[str], bad: dict[int, BadItem]) -> msgspec.Raw | None:
    try:
        return None if text is None else checked_metadata(msgspec.Raw(text))
    except METADATA_ERRORS as error:
        reason = str(error) if isinstance(error, VectordError) else f"metadata is not valid: {error}"
        bad.setdefault(row, BadItem(row, ids[row], reason))
        return None
