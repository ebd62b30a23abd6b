"""Operations as bytes, so that they can be stored and another process can apply them.

They are MessagePack: vectors as little-endian float32, metadata as JSON text.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck
from vectord.errors import IndexNotFound
from vectord.index import mutations
from vectord.index.kernels.distance import as_float32
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField
from vectord.parallel import made_once
from vectord.readers.entry import METADATA_ERRORS, NewVector, metadata_of_text
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import Keyed
from vectord.service.commit.prepared import Effect, Operation, Wrapped
from vectord.service.values.options import IdempotencyKey
from vectord.service.values.selection import ChangeMetadata, Delete, Patch, Selection
from vectord.service.values.text_fields import DeclareText
from vectord.service.values.validation import Add, AddFiles, FileRows

_FORMAT: Final = 1  # raised when a type below changes; a version that does not know a type refuses it


class InBucket(Wrapped, frozen=True):
    """An operation for an index of a vector bucket: no other index is changed, not even one of the same name."""

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, Effect]:
        """Do the same as the operation; raise IndexNotFound for an index that is not in a vector bucket."""
        if index.bucket_index is None:
            raise IndexNotFound(name)
        return self.operation.apply(index, name, check)


class IndexReplaced(IndexNotFound):
    """The index that a change was for does not exist any more, but another one of its name does."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.args = (
            f"Index {name!r} was deleted and created again after this change had been accepted; the change was not "
            "applied. Send it again if the new index should have it.",
        )


class OfIndex(Wrapped, frozen=True):
    """An operation for the index of an identity: no other index is changed, not even one of the same name."""

    identity: str

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, Effect]:
        """Do the same as the operation; raise IndexReplaced for an index of another identity."""
        if mutations.identity_of(index) != self.identity:
            raise IndexReplaced(name)
        return self.operation.apply(index, name, check)


class _Rows(msgspec.Struct, tag="add"):
    ids: list[str]
    vectors: memoryview  # of the packed bytes: a copy of a large file would take as much memory again
    dimension: int
    metadata: list[bytes | None] | None


class _Deletion(msgspec.Struct, tag="delete"):
    selection: Selection


class _MetadataChange(msgspec.Struct, tag="patch"):
    selection: Selection
    metadata: bytes
    mode: Literal["merge", "replace"]


class _File(msgspec.Struct):
    key: str
    sequencer: str
    refused: list[str]
    rows: _Rows


class _Files(msgspec.Struct, tag="files"):
    files: list[_File]
    dimension: int
    distance: str


class _TextDeclaration(msgspec.Struct, tag="text"):
    text: dict[str, TextField]


class _FieldsDeclaration(msgspec.Struct, tag="fields"):
    text: dict[str, TextField] | None
    sparse: tuple[str, ...] | None


type _AnyIndex = _Rows | _Files | _Deletion | _MetadataChange | _TextDeclaration | _FieldsDeclaration


class _OneIndex(msgspec.Struct, tag="of"):
    identity: str
    body: _AnyIndex


class _Packed(msgspec.Struct):
    format: int
    body: _AnyIndex | _OneIndex
    key: IdempotencyKey | None
    in_bucket: bool


def pack(operation: Operation) -> bytes:
    """Return a valid operation as bytes.

    Raises:
        TypeError: it is of a type that cannot be stored.
    """
    identity = operation.identity if isinstance(operation, OfIndex) else None
    operation = operation.operation if isinstance(operation, OfIndex) else operation
    key = operation.key if isinstance(operation, Keyed) else None
    inner = operation.operation if isinstance(operation, Keyed) else operation
    in_bucket = isinstance(inner, InBucket)
    body = _body(inner.operation if isinstance(inner, InBucket) else inner)
    packed = _Packed(_FORMAT, body if identity is None else _OneIndex(identity, body), key, in_bucket)
    return msgspec.msgpack.encode(packed)


def unpack(data: bytes) -> Operation:
    """Return the operation in `data`. Its vectors and ids are validated when it is applied.

    Raises:
        ValueError: it is not an operation, or it has the format of another version.
    """
    try:
        packed = _decoder().decode(data)
        if packed.format != _FORMAT:
            raise ValueError(f"an operation of format {packed.format}")
        found = packed.body
        operation = _operation(found.body if isinstance(found, _OneIndex) else found)
    except METADATA_ERRORS as error:  # msgspec's errors are among them, and are no ValueErrors
        raise ValueError(f"not an operation: {error}") from error
    if packed.in_bucket:
        operation = InBucket(operation)
    operation = operation if packed.key is None else Keyed(operation, packed.key)
    return OfIndex(operation, found.identity) if isinstance(found, _OneIndex) else operation


def _body(operation: Operation) -> _AnyIndex:
    match operation:
        case Add():
            return _rows(operation)
        case AddFiles():
            files = [_File(one.key, one.sequencer, [*one.refused], _rows(one.rows)) for one in operation.files]
            return _Files(files, operation.dimension, operation.distance)
        case Delete(selection=selection):
            return _Deletion(selection)
        case ChangeMetadata(selection=selection, patch=patch):
            return _MetadataChange(selection, bytes(patch.metadata), patch.mode)
        case DeclareText(text=dict() as text, sparse=None):
            return _TextDeclaration(text)
        case DeclareText(text=text, sparse=sparse):
            return _FieldsDeclaration(text, sparse)
        case _:
            raise TypeError(f"a {type(operation).__name__} cannot be stored")


def _rows(add: Add) -> _Rows:
    entries: Sequence[Item] | Sequence[object] = add.entries if add.items is None else add.items
    if isinstance(entries, EntryMatrix):
        ids, vectors, metadata = entries.ids, entries.vectors, entries.metadata
    else:
        rows = [entry for entry in entries if isinstance(entry, NewVector | Item)]
        ids, metadata = [row.id for row in rows], [row.metadata for row in rows]
        vectors = np.array([as_float32(row.vector) for row in rows], np.float32).reshape(len(rows), -1 if rows else 1)
    texts = None if metadata is None else [None if text is None else bytes(text) for text in metadata]
    little_endian = np.ascontiguousarray(vectors, "<f4").reshape(-1)
    return _Rows(list(ids), little_endian.view(np.uint8).data, vectors.shape[1], texts)


def _operation(body: _AnyIndex) -> Operation:
    match body:
        case _Rows():
            return _add(body)
        case _Files():
            files = [FileRows(one.key, one.sequencer, _add(one.rows), one.refused) for one in body.files]
            return AddFiles(files, body.dimension, body.distance)
        case _Deletion():
            return Delete(body.selection)
        case _MetadataChange():
            return ChangeMetadata(body.selection, Patch(msgspec.Raw(body.metadata), body.mode))
        case _TextDeclaration():
            return DeclareText(body.text)
        case _FieldsDeclaration():
            return DeclareText(body.text, body.sparse)


def _add(rows: _Rows) -> Add:
    # The bytes begin anywhere in the message, and kernels read aligned vectors.
    vectors = np.require(np.frombuffer(rows.vectors, "<f4"), np.float32, "A").reshape(-1, rows.dimension)
    metadata = None if rows.metadata is None else list(map(metadata_of_text, rows.metadata))
    return Add(EntryMatrix(rows.ids, vectors, metadata))


@made_once  # at the first pending change, because most requests meet none
def _decoder() -> msgspec.msgpack.Decoder[_Packed]:
    return msgspec.msgpack.Decoder(_Packed)
