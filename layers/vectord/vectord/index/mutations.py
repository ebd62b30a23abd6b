"""Change an index: upsert items, remove ids, patch metadata. No change touches the base.

The envelope's `applied` records which commits, uploads and keyed requests led to a state, so that repeating one of them
changes nothing. It is a list of tokens; those of each type are in order, the newest last:

commit                               its id
upload of a key                      `u:<hash of the key>:<sequencer>`
request with an Idempotency-Key      `i:<hash of the key>:<hash of the request>:<number>:<number>...`, or `q:...`
pending change                       `p:<id>:<number>:<number>...`, or `p:<id>` if it was refused
race                                 `r:<id of the commit>:<number of commits>`
creation                             `c:<id of the commit>`

The numbers are the effect of the first request with the key, or of the pending change. The token of a pending change
stays until a commit finds that no staged object has it. A commit that had several changes, or whose writer had lost a
race, records that a number of commits will follow a race; each of them records the rest of this number. The token of
the creation stays: it tells an index from another one that has its name before or afterwards.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck, checked, no_deadline
from vectord.errors import RequestTooLarge
from vectord.index.rows import Item, Rows
from vectord.index.state import Index, Tail

PatchMode = Literal["merge", "replace"]

MAX_COMMITS: Final = 32  # this many writers may commit between a lost reply and the read that looks for the commit
MAX_UPLOADS: Final = 1_000  # keys, each with its latest upload: at most 45 KB of envelope
MAX_EARLIER: Final = 256  # uploads of the same keys before the latest: at most 12 KB of envelope
MAX_PATCHED: Final = 100_000_000  # bytes of metadata that one patch writes, of which a commit makes several copies
_PATCHED_AT_A_TIME: Final = 1_024  # rows between two checks of the deadline

MAX_KEYS: Final = 256  # at most 15 KB of envelope
MAX_QUEUED: Final = 2_048  # at most 120 KB; 11 changes a second while SQS hides the message of a worker that died

_UPLOAD: Final = "u:"
_KEYED: Final = "i:"
_QUEUED: Final = "q:"
_PENDING: Final = "p:"
_AFTER_RACE: Final = "r:"
_CREATION: Final = "c:"
_OUTCOME: Final = _PENDING + r"([^:]+)((?::[0-9]{1,18})*)"
_RECORDED_ANSWER: Final = r"([0-9a-f]{8})((?::[0-9]{1,18})+)"

_MEMBERS: Final[msgspec.json.Decoder[dict[str, msgspec.Raw]]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def upsert(index: Index, items: Iterable[Item]) -> tuple[Index, int, int]:
    """Add or replace `items`; return the new index, the number of added items and the number of replaced items.

    If several items have the same id, the last one counts. An item without metadata keeps the stored metadata.
    """
    item_of = {item.id: item for item in items}
    vectors = np.array([item.vector for item in item_of.values()], np.float32)
    metadata = {item.id: item.metadata for item in item_of.values() if item.metadata is not None}
    return upsert_rows(index, Rows(list(item_of), vectors, metadata))


def upsert_rows(index: Index, rows: Rows) -> tuple[Index, int, int]:
    """Add or replace `rows`, whose ids are distinct, as `upsert` does; a row without metadata keeps the stored one."""
    if not rows.ids:
        return index, 0, 0
    stored = index.find(rows.ids)
    without_metadata = {vector_id: row for vector_id, row in stored.items() if vector_id not in rows.metadata}
    kept = index.metadata_of(without_metadata)
    changed = _without_rows(index, stored)
    tail = changed.tail
    grown = structs.replace(
        tail,
        ids=(*tail.ids, *rows.ids),
        metadata={**tail.metadata, **kept, **rows.metadata},
        fresh=rows.vectors if tail.fresh is None else np.concatenate([tail.fresh, rows.vectors]),
    )
    return structs.replace(changed, tail=grown), len(rows.ids) - len(stored), len(stored)


def remove(index: Index, ids: Iterable[str]) -> tuple[Index, int]:
    """Remove `ids`; return the new index, or `index` itself if it has none of them, and the number of removed rows."""
    stored = index.find(list(dict.fromkeys(ids)))
    return (_without_rows(index, stored) if stored else index), len(stored)


def patch(
    index: Index,
    row_of: Mapping[str, int],
    metadata: msgspec.Raw | None,
    mode: PatchMode,
    check: DeadlineCheck = no_deadline,
) -> Index:
    """Change the metadata of the given ids and rows; return the new index, or `index` itself if nothing changes.

    `merge` is RFC 7396, JSON Merge Patch; `replace` stores `metadata` instead of the stored metadata.
    None removes the metadata. `check` is called now and then.

    Raises:
        RequestTooLarge: `metadata`, once for each row, is larger than MAX_PATCHED.
    """
    check_patch_size(metadata, len(row_of))
    before = index.metadata_of(row_of)
    after, changed = dict[str, msgspec.Raw | None](), list[str]()
    for vector_id in checked(list(row_of), check, _PATCHED_AT_A_TIME):
        stored = before.get(vector_id)
        after[vector_id] = metadata if mode == "replace" else merge_patch(stored, metadata)
        if _compact(after[vector_id]) != _compact(stored):
            changed.append(vector_id)
    if not changed:
        return index
    vectors = index.vectors_of([row_of[vector_id] for vector_id in changed])
    items = [Item(vector_id, vector, after[vector_id]) for vector_id, vector in zip(changed, vectors, strict=True)]
    # Removed first, because an upsert without metadata keeps the stored metadata.
    return upsert(remove(index, changed)[0], items)[0]


def check_patch_size(metadata: msgspec.Raw | None, rows: int) -> None:
    """Raise RequestTooLarge if `metadata`, once for each of `rows`, is larger than MAX_PATCHED."""
    size = len(metadata or b"") * rows
    if size > MAX_PATCHED:
        raise RequestTooLarge(
            f"The metadata would be written to {rows:,} vectors, {size:,} bytes in all, and the limit is "
            f"{MAX_PATCHED:,}. Send less metadata, or select fewer vectors at a time."
        )


def merge_patch(target: msgspec.Raw | None, change: msgspec.Raw | None) -> msgspec.Raw | None:
    """Return `target` with the members of `change` merged in; other members keep their text. None removes all."""
    if change is None or _compact(change) == b"null":
        return None
    if not _is_object(change):
        return change
    members = _MEMBERS.decode(target) if target is not None and _is_object(target) else {}
    for key, value in _MEMBERS.decode(change).items():
        result = merge_patch(members.get(key), value)
        if result is None:
            members.pop(key, None)
        else:
            members[key] = result
    return msgspec.Raw(msgspec.json.encode(members))


def with_rows(index: Index, rows: Rows) -> Index:
    """Return `index` with exactly `rows`, all of them in its tail until the next commit builds a base."""
    tail = Tail(0, index.params, ids=tuple(rows.ids), metadata=rows.metadata, fresh=rows.vectors)
    return structs.replace(
        index, tail=tail, base=None, removed=frozenset(), tail_entries=(), text_entries=(), text_fields={}
    )


def record_upload(index: Index, key: str, sequencer: str, refused: Sequence[str] = ()) -> Index:
    """Return `index` with a record of the upload that changed it, so that a redelivery changes nothing.

    `refused` are the sequencers of earlier versions of the file that were refused.
    """
    applied = index.applied
    for earlier in (*refused, sequencer):
        applied = with_upload(applied, key, earlier)
    return structs.replace(index, applied=applied)


def with_commit(applied: Sequence[str], commit: str) -> tuple[str, ...]:
    """Return `applied` with `commit` as its newest commit."""
    others, commits = _by_type(applied, "")
    own = f"{_AFTER_RACE}{commit}:"
    kept = [token for token in others if token.startswith(own) or not token.startswith(_AFTER_RACE)]
    return (*kept, *commits[-MAX_COMMITS + 1 :], commit)


def with_upload(applied: Sequence[str], key: str, sequencer: str) -> tuple[str, ...]:
    """Return `applied` with `sequencer` as the newest upload of `key`."""
    token = _prefix(_UPLOAD, key) + sequencer
    others, uploads = _by_type(applied, _UPLOAD)
    latest: dict[str, str] = {}  # by the hash of the key, in the order of their uploads
    earlier: list[str] = []
    for one in (*(each for each in uploads if each != token), token):
        hashed = one.split(":", 2)[1]
        if hashed in latest:
            earlier.append(latest.pop(hashed))
        latest[hashed] = one
    return (*earlier[-MAX_EARLIER:], *[*latest.values()][-MAX_UPLOADS:], *others)


def is_stale(applied: Sequence[str], key: str, sequencer: str) -> bool:
    """Return True if this upload of `key`, or a newer one, was applied."""
    prefix = _prefix(_UPLOAD, key)
    return any(is_not_older(token.removeprefix(prefix), sequencer) for token in applied if token.startswith(prefix))


def is_recorded(applied: Sequence[str], key: str, sequencer: str) -> bool:
    """Return True if exactly this upload of `key` was applied, or was refused before a later one was applied."""
    prefix = _prefix(_UPLOAD, key)
    recorded = (token.removeprefix(prefix) for token in applied if token.startswith(prefix))
    return any(is_not_older(one, sequencer) and is_not_older(sequencer, one) for one in recorded)


def is_not_older(sequencer: str, other: str) -> bool:
    """Return True if `sequencer` belongs to the same event of a key as `other`, or to a later one."""
    # S3's user guide, "Event message structure": pad the shorter sequencer with zeros on the right and compare as text.
    width = max(len(sequencer), len(other))
    return sequencer.ljust(width, "0") >= other.ljust(width, "0")


def with_answer(
    applied: Sequence[str], key: str, request: str, answer: Sequence[int], *, queued: bool = False
) -> tuple[str, ...]:
    """Return `applied` with the answer to the request of hash `request` (8 hex digits) with `key`."""
    marker, most = (_QUEUED, MAX_QUEUED) if queued else (_KEYED, MAX_KEYS)
    token = _prefix(marker, key) + ":".join((request, *map(str, answer)))
    others, keyed = _by_type(applied, marker)
    return (*keyed[-most + 1 :], token, *others)


def answer_of(applied: Sequence[str], key: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the hash of the request with `key` and its answer; None if no such request is recorded."""
    prefixes = _prefix(_KEYED, key), _prefix(_QUEUED, key)
    for token in applied:
        if token.startswith(prefixes) and (recorded := re.fullmatch(_RECORDED_ANSWER, token.split(":", 2)[2])):
            return recorded[1], tuple(map(int, recorded[2][1:].split(":")))
    return None


def with_outcomes(
    applied: Sequence[str], outcomes: Mapping[str, Sequence[int] | None], staged: Container[str]
) -> tuple[str, ...]:
    """Return `applied` with the outcomes of pending changes: the effect of each by its id, None if it was refused.

    Earlier outcomes are dropped, but those of changes whose ids are in `staged`, which must have been listed after
    `applied` was read.
    """
    others, pending = _by_type(applied, _PENDING)
    kept = [token for token in pending if token.split(":")[1] in staged]
    added = [":".join((_PENDING + change, *map(str, effect or ()))) for change, effect in outcomes.items()]
    return (*kept, *added, *others)


def outcomes_of(applied: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
    """Return the recorded outcomes of pending changes by their ids: the effect, None if the change was refused."""
    found = (re.fullmatch(_OUTCOME, token) for token in applied if token.startswith(_PENDING))
    return {each[1]: tuple(map(int, each[2].split(":")[1:])) or None for each in found if each}


def with_race(applied: Sequence[str], commit: str, following: int) -> tuple[str, ...]:
    """Return `applied`, to which `commit` leads, with the mark that the `following` commits are after a race."""
    others, _ = _by_type(applied, _AFTER_RACE)
    return (f"{_AFTER_RACE}{commit}:{following}", *others)


def following_race(applied: Sequence[str], commit: str) -> int:
    """Return how many commits that follow `commit`, which led to `applied`, are after a race."""
    own = f"{_AFTER_RACE}{commit}:"
    found = (token.removeprefix(own) for token in applied if token.startswith(own))
    return next((int(number) for number in found if re.fullmatch("[0-9]{1,3}", number)), 0)


def with_creation(applied: Sequence[str], commit: str) -> tuple[str, ...]:
    """Return `applied` with the mark that `commit` created the index."""
    others, _ = _by_type(applied, _CREATION)
    return (f"{_CREATION}{commit}", *others)


def identity_of(index: Index) -> str:
    """Return what no other index has, not even one of the same name; empty if an earlier vectord created the index."""
    created = (token for token in index.applied if token.startswith(_CREATION))
    return index.params.generation or next(created, "")


def _without_rows(index: Index, stored: Mapping[str, int]) -> Index:
    """Return `index` with the given ids and rows removed."""
    if not stored:
        return index
    metadata = {vector_id: value for vector_id, value in index.tail.metadata.items() if vector_id not in stored}
    tail = structs.replace(index.tail, metadata=metadata)
    return structs.replace(index, tail=tail, removed=index.removed | set(stored.values()))


def _is_object(text: msgspec.Raw) -> bool:
    return bytes(text).lstrip().startswith(b"{")


def _compact(text: msgspec.Raw | None) -> bytes | None:
    """Return JSON text without whitespace, so that texts can be compared."""
    return None if text is None else msgspec.json.format(bytes(text), indent=-1)


def _by_type(applied: Sequence[str], marker: str) -> tuple[list[str], list[str]]:
    """Return the tokens of other types, and those of the type of `marker`; an empty marker stands for commits."""
    markers = (marker,) if marker else (_UPLOAD, _KEYED, _QUEUED, _PENDING, _AFTER_RACE, _CREATION)
    marked = [token for token in applied if token.startswith(markers)]
    others = [token for token in applied if not token.startswith(markers)]
    return (others, marked) if marker else (marked, others)


def _prefix(marker: str, key: str) -> str:
    return f"{marker}{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}:"
