"""Columns from documents: whole batches of values at a time, path by path."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from vectord.index.columns.builder import FALSE, TRUE, Making
from vectord.index.columns.model import Array, Gathered, is_kept

MOST_PATHS: Final = 10_000  # each takes some time and bytes, however few values it has
_CHUNK_ROWS: Final = 8_192  # decoded at a time, so that they stay in the cache
_CHUNK_BYTES: Final = 16 << 20
_ALIKE: Final = 64  # objects of the same keys that are worth batches of their own


def gathered(documents: Sequence[msgspec.Raw | None]) -> Gathered:
    """Return the columns of documents in row order, JSON text each, None for none.

    Metadata that cannot be decoded counts as none, as it does for `decoded`.
    """
    found = _Found()
    for rows, values in _chunks(documents):
        found.spread([(None, rows, values)])
    found.spread_rest()
    total = len(documents)
    return Gathered(total, {path: making.column(total) for path, making in found.paths.items()}, more=found.more)


def decoded(document: msgspec.Raw | None) -> Any:
    """Return a document's metadata as a value, None for none."""
    try:
        return None if document is None else msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # no reader could say what is in it


def _chunks(documents: Sequence[msgspec.Raw | None]) -> Iterator[tuple[Array, list[Any]]]:
    texts = [document for document in documents if document is not None]
    rows = np.array([row for row, document in enumerate(documents) if document is not None], np.int64)
    sizes = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    start = 0
    while start < len(texts):
        before = sizes[start - 1] if start else 0
        stop = min(start + _CHUNK_ROWS, max(start + 1, int(np.searchsorted(sizes, before + _CHUNK_BYTES))))
        yield rows[start:stop], _values(texts[start:stop])
        start = stop


def _values(documents: Sequence[msgspec.Raw]) -> list[Any]:
    """Decode documents, all of them at once where that goes: many small ones cost more each by itself."""
    try:
        values = msgspec.json.decode(b"[%b]" % b",".join(documents), type=list[Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = []
    return values if len(values) == len(documents) else list(map(decoded, documents))


type _Batch = tuple[str | None, Array, Sequence[Any]]  # a path, None for the whole document; rows; the values there


class _Found:
    """What was met at each path so far."""

    def __init__(self) -> None:
        self.paths: dict[str, Making] = {}
        self.more = False

    def spread(self, waiting: list[_Batch]) -> None:
        """Add the values of batches to their paths, and what lies inside them to the paths below."""
        while waiting:
            path, rows, values = waiting.pop()
            for kind, some, picked in _by_kind(rows, values):
                making = None if path is None else self._making(path)
                if making:
                    making.add(dict if kind is list else kind, some, picked)
                if kind is list:
                    counts = np.fromiter(map(len, picked), np.int64, len(picked))
                    waiting.append((path, np.repeat(some, counts), [inner for outer in picked for inner in outer]))
                elif kind is dict:
                    waiting += self._inside("" if path is None else f"{path}.", some, picked)

    def spread_rest(self) -> None:
        """Add the values that still wait for others of their path."""
        while waiting := [batch for path, making in self.paths.items() for batch in _taken(path, making)]:
            self.spread(waiting)

    def _making(self, path: str) -> Making | None:
        """Return what is made of `path`, None if there are too many paths already: then it gets no column."""
        if path not in self.paths:
            if len(self.paths) >= MOST_PATHS:
                self.more = True
                return None
            self.paths[path] = Making()
        return self.paths[path]

    def _inside(self, prefix: str, rows: Array, objects: Sequence[dict[str, Any]]) -> Iterator[_Batch]:
        """Yield the values under each key where many objects have the same keys; set others by until they are many."""
        for keys, picked in _alike(objects).items():
            some = objects if len(picked) == len(objects) else [objects[at] for at in picked]
            of = rows if some is objects else rows[picked]
            if len(picked) >= _ALIKE:
                kept = [key for key in keys if is_kept(prefix + key)]
                yield from ((prefix + key, of, [each[key] for each in some]) for key in kept)
            else:
                yield from self._set_by(prefix, of.tolist(), some)

    def _set_by(self, prefix: str, rows: Sequence[int], objects: Sequence[dict[str, Any]]) -> Iterator[_Batch]:
        for row, each in zip(rows, objects, strict=True):
            for key, value in each.items():
                path = prefix + key
                making = self.paths.get(path)
                if making is None:
                    if not is_kept(path):
                        continue
                    making = self._making(path)
                if making is None:
                    if isinstance(value, dict | list):  # what is inside may have columns
                        yield path, np.array([row]), [value]
                    continue
                making.rows.append(row)
                making.values.append(value)
                if len(making.rows) >= _CHUNK_ROWS:
                    yield from _taken(path, making)


def _taken(path: str, making: Making) -> Iterator[_Batch]:
    if making.rows:
        rows, values = making.take()
        yield path, rows, values


def _alike(objects: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], Sequence[int]]:
    """Return the places of the objects of each set of keys."""
    keyed = list(map(tuple, objects))
    if len(set(keyed)) == 1:
        return {keyed[0]: range(len(keyed))}
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, keys in enumerate(keyed):
        alike[keys].append(at)
    return dict(alike)


def _by_kind(rows: Array, values: Sequence[Any]) -> Iterator[tuple[type, Array, Sequence[Any]]]:
    """Yield the values of each kind: float for all numbers, a kind of its own for true and for false."""
    met = {float if kind is int else kind for kind in set(map(type, values))}
    if met == {bool}:
        true = np.array(values, np.bool_)
        yield from ((TRUE, rows[true], ()), (FALSE, rows[~true], ()))
        return
    if len(met) == 1:
        yield met.pop(), rows, values
        return
    parted: dict[type, list[int]] = defaultdict(list)
    for at, value in enumerate(values):
        parted[(TRUE if value else FALSE) if isinstance(value, bool) else type(value)].append(at)
    if integers := parted.pop(int, []):
        parted[float] += integers
    for kind, picked in parted.items():
        yield kind, rows[picked], [values[at] for at in picked]
