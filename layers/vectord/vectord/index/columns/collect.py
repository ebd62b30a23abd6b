"""Collect columns from documents, in batches of values per path, because one value at a time is slow in Python."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.columns.builder import FALSE, TRUE, ColumnBuilder
from vectord.index.columns.model import Array, CollectedColumns, gets_column

MAX_PATHS: Final = 10_000  # each path costs time and bytes, however few values it has
_CHUNK_ROWS: Final = 8_192  # decoded at a time, so that they stay in the processor cache
_CHUNK_BYTES: Final = 16 << 20
_MIN_BATCH: Final = 64  # from this many objects with the same keys, a batch per key is faster


def collect_columns(
    documents: Sequence[msgspec.Raw | None],
    check: DeadlineCheck = no_deadline,
    without: Collection[str] = frozenset(),
    closed: Collection[str] = (),
) -> CollectedColumns:
    """Return the columns of documents in row order, each JSON text or None for no metadata.

    Metadata that cannot be decoded counts as none, as in `decode_metadata`. `check` is called after each chunk. The
    columns of the paths `without` have no part of a text that is longer than a column stores. Paths below the paths
    `closed` have no columns.
    """
    collector = _Collector(without, closed)
    for rows, values in _decoded_chunks(documents):
        check()
        collector.add([(None, rows, values)])
    collector.add_pending()
    total = len(documents)
    columns = {path: builder.build(total) for path, builder in collector.builders.items()}
    return CollectedColumns(total, columns, incomplete=collector.incomplete)


def decode_metadata(document: msgspec.Raw | None) -> Any:
    """Return metadata as a Python value; None for no metadata, or for text that cannot be decoded."""
    try:
        return None if document is None else msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _decoded_chunks(documents: Sequence[msgspec.Raw | None]) -> Iterator[tuple[Array, list[Any]]]:
    texts = [document for document in documents if document is not None]
    rows = np.array([row for row, document in enumerate(documents) if document is not None], np.int64)
    sizes = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    start = 0
    while start < len(texts):
        before = sizes[start - 1] if start else 0
        stop = min(start + _CHUNK_ROWS, max(start + 1, int(np.searchsorted(sizes, before + _CHUNK_BYTES))))
        yield rows[start:stop], _decode_all(texts[start:stop])
        start = stop


def _decode_all(documents: Sequence[msgspec.Raw]) -> list[Any]:
    """Decode documents in one call if possible, because a call for each small document costs more."""
    try:
        values = msgspec.json.decode(b"[%b]" % b",".join(documents), type=list[Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = []
    return values if len(values) == len(documents) else list(map(decode_metadata, documents))


type _Batch = tuple[str | None, Array, Sequence[Any]]  # a path, None for whole documents; rows; the values at the path


class _Collector:
    """Collects the values at each path; long texts are left out of the paths `without`, all values below `closed`."""

    def __init__(self, without: Collection[str], closed: Collection[str]) -> None:
        self.without, self.closed = without, closed
        self.builders: dict[str, ColumnBuilder] = {}
        self.incomplete = False

    def add(self, stack: list[_Batch]) -> None:
        """Add the values of batches at their paths, and the values inside them at the paths below."""
        while stack:
            path, rows, values = stack.pop()
            for kind, of_kind, picked in _by_type(rows, values):
                builder = None if path is None else self._builder(path)
                if builder:
                    builder.add(dict if kind is list else kind, of_kind, picked)
                if kind is list:
                    counts = np.fromiter(map(len, picked), np.int64, len(picked))
                    stack.append((path, np.repeat(of_kind, counts), [inner for outer in picked for inner in outer]))
                elif kind is dict:
                    stack += self._members("" if path is None else f"{path}.", of_kind, picked)

    def add_pending(self) -> None:
        """Add the values that are still pending, in batches."""
        while pending := [batch for path, builder in self.builders.items() for batch in _take_pending(path, builder)]:
            self.add(pending)

    def _builder(self, path: str) -> ColumnBuilder | None:
        """Return the builder of `path`; None if there are too many paths and this one gets no column."""
        if path not in self.builders:
            if len(self.builders) >= MAX_PATHS:
                self.incomplete = True
                return None
            self.builders[path] = ColumnBuilder(omits_long=path in self.without)
        return self.builders[path]

    def _members(self, prefix: str, rows: Array, objects: Sequence[dict[str, Any]]) -> Iterator[_Batch]:
        """Yield a batch for each key that many objects share; the values of other objects become pending."""
        for keys, positions in _by_keys(objects).items():
            same = objects if len(positions) == len(objects) else [objects[at] for at in positions]
            of_same = rows if same is objects else rows[positions]
            if len(positions) >= _MIN_BATCH:
                paths = [(prefix + key, key) for key in keys if gets_column(prefix + key, self.closed)]
                yield from ((path, of_same, [each[key] for each in same]) for path, key in paths)
            else:
                yield from self._defer(prefix, of_same.tolist(), same)

    def _defer(self, prefix: str, rows: Sequence[int], objects: Sequence[dict[str, Any]]) -> Iterator[_Batch]:
        """Make the values of objects pending; yield a batch when a path has many, or if it has no column."""
        for row, each in zip(rows, objects, strict=True):
            for key, value in each.items():
                path = prefix + key
                builder = self.builders.get(path)
                if builder is None:
                    if not gets_column(path, self.closed):
                        continue
                    builder = self._builder(path)
                if builder is None:
                    if isinstance(value, dict | list):  # paths inside it may have columns
                        yield path, np.array([row]), [value]
                    continue
                builder.rows.append(row)
                builder.values.append(value)
                if len(builder.rows) >= _CHUNK_ROWS:
                    yield from _take_pending(path, builder)


def _take_pending(path: str, builder: ColumnBuilder) -> Iterator[_Batch]:
    if builder.rows:
        rows, values = builder.take_pending()
        yield path, rows, values


def _by_keys(objects: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], Sequence[int]]:
    """Return the positions of the objects that have the same keys, for each such set of keys."""
    keys_of = list(map(tuple, objects))
    if len(set(keys_of)) == 1:
        return {keys_of[0]: range(len(keys_of))}
    positions: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, keys in enumerate(keys_of):
        positions[keys].append(at)
    return dict(positions)


def _by_type(rows: Array, values: Sequence[Any]) -> Iterator[tuple[type, Array, Sequence[Any]]]:
    """Yield the values of each type: float for all numbers, TRUE and FALSE for booleans."""
    types = {float if kind is int else kind for kind in set(map(type, values))}
    if types == {bool}:
        true = np.array(values, np.bool_)
        yield from ((TRUE, rows[true], ()), (FALSE, rows[~true], ()))
        return
    if len(types) == 1:
        yield types.pop(), rows, values
        return
    positions: dict[type, list[int]] = defaultdict(list)
    for at, value in enumerate(values):
        positions[(TRUE if value else FALSE) if isinstance(value, bool) else type(value)].append(at)
    if integers := positions.pop(int, []):
        positions[float] += integers
    for kind, picked in positions.items():
        yield kind, rows[picked], [values[at] for at in picked]
