"""Rows that were sent with a member `sparse`: its sparse vectors are put into the metadata, at the declared paths."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vectord.errors import BadItem, RequestInvalid
from vectord.index.text.sparse import SparseInvalid, found_at, sparse_vector
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import of_sparse
from vectord.readers.entry import METADATA_ERRORS, Entry, NewVector, metadata_of_text
from vectord.readers.repeated import repeated_anywhere

_MEMBERS: Final = ("indices", "values")
_MAX_SHOWN: Final = 60  # characters of a name that a reason repeats
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

type _Place = tuple[str, str]  # a declared name, and how the request names it


class _Refused(ValueError):
    """Why a row cannot be stored."""


def stored(entry: Entry, position: int, index: Params) -> Entry:
    """Return a row with its sparse vectors in the metadata; a bad item if this index cannot have them.

    `position` is that of the row in its batch.
    """
    if isinstance(entry, BadItem) or entry.sparse is None:
        return entry
    try:
        return NewVector(entry.id, entry.vector, _metadata(entry.metadata, entry.sparse, index), entry.position)
    except _Refused as error:
        reason = str(error)
    except METADATA_ERRORS as error:
        reason = str(error) if isinstance(error, RequestInvalid) else f"sparse is not valid: {error}"
    return BadItem(position if entry.position is None else entry.position, entry.id, reason)


def _metadata(metadata: msgspec.Raw | None, sparse: msgspec.Raw, index: Params) -> msgspec.Raw | None:
    """Return metadata with the sparse vectors of a row.

    Raises:
        _Refused
        METADATA_ERRORS: one of both is not JSON, or the new metadata are too large.
    """
    value = msgspec.json.decode(sparse)
    if key := repeated_anywhere(bytes(sparse).decode(), value):
        raise _Refused(f"sparse has the key {key[:_MAX_SHOWN]!r} more than once")
    before = None if metadata is None else msgspec.json.decode(metadata)
    if before is not None and not isinstance(before, dict):
        raise _Refused("metadata must be an object, because sparse vectors are stored in it")
    texts = {"": sparse} if _is_bare(value) else _OBJECT.decode(sparse) if isinstance(value, dict) else {}
    for name, place in _places(value, sorted(of_sparse(index.text or {}))):
        try:
            sparse_vector(value if not place else value[name])
        except SparseInvalid as error:
            raise _Refused(f"sparse{place}{error}") from error
        if found_at(before, name):
            raise _Refused(f"sparse{place} and metadata.{name} are both given; leave one of them out")
        metadata = _placed(metadata, name, texts[name if place else ""], name)
    return metadata_of_text(None if metadata is None else bytes(metadata))


def _places(value: Any, declared: list[str]) -> list[_Place]:
    """Return the names of the sparse vectors of a row, and the place of each behind `sparse`."""
    if not declared:
        raise _Refused("sparse: the index declares no sparse vectors")
    listed = ", ".join(repr(name[:_MAX_SHOWN]) for name in declared)
    if not isinstance(value, dict) or not value:
        raise _Refused(f"sparse must be a sparse vector, or an object with one for some of the names {listed}")
    if _is_bare(value):
        if len(declared) > 1:
            raise _Refused(f"sparse must be an object with some of the names {listed}: the index declares several")
        return [(declared[0], "")]
    for name in value:
        if name not in declared:
            raise _Refused(f"sparse.{name[:_MAX_SHOWN]} is not declared by the index, which declares {listed}")
    return [(name, f".{name}") for name in value]


def _is_bare(value: Any) -> bool:
    """Return True if a value has the members of a sparse vector, and is not an object by names."""
    return isinstance(value, Mapping) and any(
        member in value and not isinstance(value[member], dict) for member in _MEMBERS
    )


def _placed(metadata: msgspec.Raw | None, path: str, vector: msgspec.Raw, name: str) -> msgspec.Raw:
    """Return metadata with a vector at `path`, which ends the declared `name`; other values stay as they were written.

    Raises:
        _Refused: there is another value on the way.
    """
    try:
        members = {} if metadata is None else _OBJECT.decode(metadata)
    except msgspec.ValidationError as error:
        within = name[: -len(path) - 1]
        raise _Refused(f"metadata.{within} must be an object, because sparse.{name} is stored in it") from error
    key, dot, rest = path.partition(".")
    members[key] = _placed(members.get(key), rest, vector, name) if dot else vector
    return msgspec.Raw(msgspec.json.encode(members))
