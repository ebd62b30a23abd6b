"""Validate a batch, or the rows of uploaded files, before anything changes; and add them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, cast

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck
from vectord.errors import MAX_BAD_ITEMS, BadItem, BatchInvalid, ObjectChanged
from vectord.index import mutations
from vectord.index.kernels.distance import F32, as_float32, invalid_vector_reason
from vectord.index.rows import Item, Rows
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.readers.entry import Entry, NewVector
from vectord.readers.matrix import EntryMatrix

_BLOCK: Final = 128  # entries at a time: their matrix fits into the processor's cache
_MAX_UNCHECKED: Final = 1 << 20  # bytes of metadata that are decoded between two checks of the deadline

_SHOWN: Final = 1_000


class Add(msgspec.Struct, frozen=True, eq=False):
    """A change that adds or replaces the entries of a batch, which it validates for each state that it is applied to.

    With `items`, they were validated before. Its effect is the rows that it added and replaced, and the count after it.
    """

    effect_length: ClassVar[int] = 3

    entries: Sequence[Entry] = ()
    items: Sequence[Item] | None = None

    @property
    def adds(self) -> int:
        return len(self.entries) if self.items is None else len(self.items)

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index `name` and the effect.

        Raises:
            BatchInvalid: some entries are not valid.
        """
        changed, added, replaced = self.upserted(index)
        return changed, (added, replaced, len(changed))

    def upserted(self, index: Index) -> tuple[Index, int, int]:
        """Return the changed index and the rows that were added and replaced; raise what `apply` raises."""
        if isinstance(self.entries, EntryMatrix):
            return mutations.upsert_rows(index, validated_matrix(self.entries, index.params))
        items = validated_items(self.entries, index.params) if self.items is None else self.items
        return mutations.upsert(index, items)


class FileRows(msgspec.Struct, frozen=True, eq=False):
    """The rows of one version of an uploaded file, and the sequencers of earlier versions that were refused."""

    key: str
    sequencer: str
    rows: Add
    refused: Sequence[str] = ()

    def apply(self, index: Index) -> tuple[Index, tuple[int, int]]:
        """Return the index with the file, the number of rows, and 1 if only a later version was applied before."""
        if mutations.is_stale(index.applied, self.key, self.sequencer):
            return index, (0, int(not mutations.is_recorded(index.applied, self.key, self.sequencer)))
        added = self.rows.adds
        changed, _, _ = self.rows.upserted(index)
        return mutations.record_upload(changed, self.key, self.sequencer, self.refused), (added, 0)


class AddFiles(msgspec.Struct, frozen=True, eq=False):
    """A change that adds files in their order; a file that was applied before changes nothing.

    Its effect has two numbers for each file: the rows that it added, and 1 if it was overtaken by a later version. The
    rows were validated for an index of this dimension and distance.
    """

    files: Sequence[FileRows]
    dimension: int
    distance: str

    @property
    def effect_length(self) -> int:
        return 2 * len(self.files)

    @property
    def adds(self) -> int:
        return sum(file.rows.adds for file in self.files)

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index `name` and the effect.

        Raises:
            ObjectChanged: the index was deleted and created again with other parameters.
        """
        found = index.params
        if found.shards or (found.dimension, found.distance) != (self.dimension, self.distance):
            raise ObjectChanged(name)
        effect: list[int] = []
        for number, file in enumerate(self.files):
            if number:
                check()
            index, counts = file.apply(index)
            effect += counts
        return index, tuple(effect)


def with_sparse(entries: Sequence[Entry], index: Params) -> Sequence[Entry]:
    """Return a batch whose sparse vectors are in the metadata; a row that `index` cannot store is a bad item.

    It comes before any validation, and before a change is stored, because a stored change has metadata alone.
    """
    if isinstance(entries, EntryMatrix) or not any(isinstance(one, NewVector) and one.sparse for one in entries):
        return entries
    from vectord.index.query.text.members import stored  # noqa: PLC0415  few batches have sparse vectors

    return [stored(entry, position, index) for position, entry in enumerate(entries)]


def validated_items(entries: Sequence[Entry], index: Params) -> list[Item]:
    """Return the batch as items with float32 vectors.

    Raises:
        BatchInvalid: some entries are not valid; the error lists the first MAX_BAD_ITEMS of them.
    """
    items: list[Item] = []
    for start in range(0, len(entries), _BLOCK):
        block = _validate_block(entries[start : start + _BLOCK], index)
        if block is None:
            return _validate_each(entries, index)
        items += block
    return items


def validated_matrix(batch: EntryMatrix, index: Params) -> Rows:
    """Return a batch in columns as rows with distinct ids: of several rows with one id, the last one counts.

    Raises:
        BatchInvalid: some rows are not valid; the error lists the first MAX_BAD_ITEMS of them.
    """
    if batch.bad or not _is_valid(batch, index):
        _validate_each(batch, index)
        raise AssertionError("a batch is not valid, and all of its rows are")
    ids, vectors, texts = batch.ids, batch.vectors, batch.metadata
    if len(set(ids)) < len(ids):
        last = list(dict(zip(ids, range(len(ids)), strict=True)).values())
        ids, vectors, texts = [ids[row] for row in last], vectors[last], texts and [texts[row] for row in last]
    return Rows(ids, vectors, _by_id(ids, texts) if texts else {})


def _by_id(ids: Sequence[str], texts: Sequence[msgspec.Raw | None]) -> Mapping[str, msgspec.Raw]:
    """Return the metadata of the rows that have some."""
    found = dict(zip(ids, texts, strict=True))
    if None in texts:
        found = {vector_id: text for vector_id, text in found.items() if text is not None}
    return cast(Mapping[str, msgspec.Raw], found)


def _is_valid(batch: EntryMatrix, index: Params) -> bool:
    """Return True if a batch whose ids are texts has valid rows alone."""
    are_valid = params.are_valid_ids(batch.ids) and _are_valid(batch.vectors, index)
    return are_valid and _have_valid_sparse(batch.metadata or (), index)


def _are_valid(vectors: F32, index: Params) -> bool:
    """Return True if all vectors have the dimension of the index, finite components, and a direction under cosine."""
    if len(vectors) and vectors.shape[1] != index.dimension:
        return False
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        squares = np.vecdot(vectors, vectors)
    if np.isfinite(squares).all() and squares.all():
        return True
    # Perhaps a square overflowed or underflowed, so look at each component.
    return bool(np.isfinite(vectors).all() and (index.distance != "cosine" or vectors.any(axis=1).all()))


def _have_valid_sparse(metadata: Iterable[msgspec.Raw | None], index: Params) -> bool:
    """Return True if all metadata have sparse vectors, or nothing, where the index declares them."""
    return not index.text or not any(_invalid_sparse_reason(each, index) for each in metadata)


def _invalid_sparse_reason(metadata: msgspec.Raw | None, index: Params) -> str | None:
    """Return why metadata have another value where the index declares sparse vectors; None if they have none."""
    if metadata is None or not index.text:
        return None
    from vectord.index.query.text.stored import invalid_sparse_reason  # noqa: PLC0415  most indexes have no texts

    return invalid_sparse_reason(metadata, index.text)


def validated_rows(entries: Iterable[Entry], index: Params, most_bad: int, check: Callable[[], None]) -> list[Item]:
    """Return the rows of a file as items with float32 vectors, validated as they are read; call `check` now and then.

    Raises:
        BatchInvalid: some rows are not valid; the error lists each of them. Reading stops at `most_bad` of them.
    """
    items: list[Item] = []
    bad: list[BadItem] = []
    for block in _blocks(entries, check):
        rows = with_sparse(block, index)
        good = None if bad else _validate_block(rows, index)
        if good is None:
            good, wrong = _sorted_out(rows, index)
            bad += map(_cut, wrong)
        if len(bad) >= most_bad:
            break
        if bad:
            items.clear()
        else:
            items += good
    if bad:
        raise BatchInvalid(bad[:most_bad])
    return items


def _blocks(entries: Iterable[Entry], check: Callable[[], None]) -> Iterator[list[Entry]]:
    """Yield `entries` in blocks; call `check` between blocks, and after rows that take long to decode.

    These are bad ones and those with large metadata: a single one can take a second.
    """
    block, size = list[Entry](), 0
    for entry in entries:
        if size > _MAX_UNCHECKED or len(block) == _BLOCK:
            check()
            size = 0
        if len(block) == _BLOCK:
            yield block
            block = []
        block.append(entry)
        if isinstance(entry, BadItem):
            size = _MAX_UNCHECKED + 1
        elif entry.metadata is not None:
            size += len(entry.metadata)
    if block:
        yield block


def _cut(item: BadItem) -> BadItem:
    """Return a bad row of a file with at most _SHOWN characters of each text: a row may have megabytes."""
    return BadItem(item.position, item.id and item.id[:_SHOWN], item.reason[:_SHOWN])


def _validate_block(entries: Sequence[Entry], index: Params) -> list[Item] | None:
    """Return the items as rows of one matrix; None if an entry is not valid."""
    good = [entry for entry in entries if isinstance(entry, NewVector) and len(entry.vector) == index.dimension]
    if len(good) < len(entries) or not params.are_valid_ids([entry.id for entry in good]):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        flat = np.concatenate([entry.vector for entry in good], dtype=np.float32, casting="unsafe")
    if not _have_valid_sparse((entry.metadata for entry in good), index):
        return None
    rows = flat.reshape(len(good), index.dimension)
    if not np.isfinite(rows).all() or (index.distance == "cosine" and not rows.any(axis=1).all()):
        return None
    # A vector that is float32 already is not copied.
    return [
        Item(entry.id, cast(F32, entry.vector) if entry.vector.dtype == np.float32 else row, entry.metadata)
        for entry, row in zip(good, rows, strict=True)
    ]


def _validate_each(entries: Sequence[Entry], index: Params) -> list[Item]:
    items, bad = _sorted_out(entries, index)
    if bad:
        raise BatchInvalid(bad)
    return items


def _sorted_out(entries: Sequence[Entry], index: Params) -> tuple[list[Item], list[BadItem]]:
    """Return the valid entries as items, and the others with reasons."""
    items: list[Item] = []
    bad: list[BadItem] = []
    for position, entry in enumerate(entries):
        if len(bad) >= MAX_BAD_ITEMS:
            raise BatchInvalid(bad, complete=False)
        if isinstance(entry, BadItem):
            bad.append(entry)
            continue
        vector = as_float32(entry.vector)
        reason = params.invalid_id_reason(entry.id) or invalid_vector_reason(vector, index)
        if reason := reason or _invalid_sparse_reason(entry.metadata, index):
            bad.append(BadItem(position if entry.position is None else entry.position, entry.id, reason))
        else:
            items.append(Item(entry.id, vector, entry.metadata))
    return items, bad
