"""Change the metadata of rows, and leave their vectors as they are."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from vectord.index.mutations import remove, upsert
from vectord.index.rows import Item
from vectord.index.state import Index

Mode = Literal["merge", "replace"]

_MEMBERS: Final[msgspec.json.Decoder[dict[str, msgspec.Raw]]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def patch(index: Index, row_of: Mapping[str, int], metadata: msgspec.Raw | None, mode: Mode) -> Index:
    """Return the index with other metadata for the given ids and rows; the very same index if nothing changes.

    `merge` is RFC 7396, JSON Merge Patch; `replace` puts `metadata` in place of what is there. None clears.
    """
    before = index.metadata_of(row_of)
    after = {
        vector_id: metadata if mode == "replace" else merged(before.get(vector_id), metadata) for vector_id in row_of
    }
    changed = [vector_id for vector_id in row_of if _text(after[vector_id]) != _text(before.get(vector_id))]
    if not changed:
        return index
    vectors = index.vectors_of([row_of[vector_id] for vector_id in changed])
    items = [Item(vector_id, vector, after[vector_id]) for vector_id, vector in zip(changed, vectors, strict=True)]
    # Removed first, since an item without metadata would leave what is stored alone.
    return upsert(remove(index, changed)[0], items)[0]


def merged(target: msgspec.Raw | None, patched: msgspec.Raw | None) -> msgspec.Raw | None:
    """Return `target` with the members of `patched` merged in; what is not named stays as it was written."""
    if patched is None or _text(patched) == b"null":
        return None
    if not _is_object(patched):
        return patched
    members = _MEMBERS.decode(target) if target is not None and _is_object(target) else {}
    for key, value in _MEMBERS.decode(patched).items():
        result = merged(members.get(key), value)
        if result is None:
            members.pop(key, None)
        else:
            members[key] = result
    return msgspec.Raw(msgspec.json.encode(members))


def absent(row_of: Mapping[str, int], ids: Sequence[str]) -> list[str]:
    """Return those of `ids` that are not there."""
    return [vector_id for vector_id in dict.fromkeys(ids) if vector_id not in row_of]


def _is_object(text: msgspec.Raw) -> bool:
    return bytes(text).lstrip().startswith(b"{")


def _text(text: msgspec.Raw | None) -> bytes | None:
    return None if text is None else msgspec.json.format(bytes(text), indent=-1)
