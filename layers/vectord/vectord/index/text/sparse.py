"""Sparse vectors: a value of metadata as indices and values, and the postings of those of many rows.

A sparse vector is `{"indices": [...], "values": [...]}`. In a section of texts its indices are terms, uint32 as 4 bytes
big-endian, so that they ascend, and its values are counts with the bits of float32.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.sections.text_postings import Postings
from vectord.lhv1.text_fields import MAX_INDICES
from vectord.lhv1.text_layout import INDEX_BYTES

_MAX_INDEX: Final = 2**32 - 1
_MEMBERS: Final = {"indices", "values"}

U32 = npt.NDArray[np.uint32]
F32 = npt.NDArray[np.float32]


class SparseVector(msgspec.Struct, frozen=True, eq=False):
    """Distinct indices, uint32 (n,), ascending, and their values, float32 (n,), finite and not 0."""

    indices: U32
    values: F32


class SparseInvalid(ValueError):
    """A value is not a sparse vector; the text of the error names the member and says why."""


def sparse_vector(value: Any) -> SparseVector:
    """Return a decoded JSON value as a sparse vector.

    Raises:
        SparseInvalid
    """
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise SparseInvalid(" must be an object with exactly 'indices' and 'values'")
    indices, values = value["indices"], value["values"]
    if not isinstance(indices, list) or not isinstance(values, list):
        raise SparseInvalid(" must have arrays as 'indices' and 'values'")
    return of_lists(indices, values)


def of_lists(indices: Sequence[Any], values: Sequence[Any]) -> SparseVector:
    """Return indices in any order, and their values, as a sparse vector.

    Raises:
        SparseInvalid
    """
    if len(indices) != len(values):
        raise SparseInvalid(f" has {len(indices):,} indices and {len(values):,} values; it must have as many")
    if not 1 <= len(indices) <= MAX_INDICES:
        raise SparseInvalid(f".indices must be 1 to {MAX_INDICES:,}, not {len(indices):,}")
    if set(map(type, indices)) != {int} or min(indices) < 0 or max(indices) > _MAX_INDEX:
        at = next(at for at, each in enumerate(indices) if type(each) is not int or not 0 <= each <= _MAX_INDEX)
        raise SparseInvalid(f".indices[{at}] must be an integer from 0 to {_MAX_INDEX:,}")
    if not set(map(type, values)) <= {int, float}:
        at = next(at for at, each in enumerate(values) if type(each) not in {int, float})
        raise SparseInvalid(f".values[{at}] must be a number")
    return _sorted(np.array(indices, np.uint32), _as_float32(values))


def _as_float32(values: Sequence[int | float]) -> F32:
    try:
        with np.errstate(over="ignore"):
            found = np.array([float(value) for value in values]).astype(np.float32)
    except OverflowError as error:  # an integer beyond float64
        raise SparseInvalid(".values has a number that float32 cannot represent") from error
    bad = np.flatnonzero(~np.isfinite(found) | (found == 0))
    if len(bad):
        raise SparseInvalid(f".values[{bad[0]}] must be finite and not 0 as float32")
    return found


def _sorted(indices: U32, values: F32) -> SparseVector:
    order = np.argsort(indices, kind="stable")
    ascending = indices[order]
    repeated = np.flatnonzero(ascending[1:] == ascending[:-1])
    if len(repeated):
        raise SparseInvalid(f".indices has {ascending[repeated[0]]} more than once")
    return SparseVector(ascending, values[order])


def found_at(metadata: Any, path: str) -> list[Any]:
    """Return the values, except null, at a path of decoded metadata: keys that are joined by dots, through objects."""
    if not isinstance(metadata, dict):
        return []
    found = [metadata[path]] if metadata.get(path) is not None else []
    for key, inner in metadata.items():
        if path.startswith(f"{key}.") and len(key) < len(path):
            found += found_at(inner, path[len(key) + 1 :])
    return found


def sparse_at(metadata: Any, path: str) -> SparseVector | None:
    """Return the sparse vector at a path of decoded metadata, None if there is none.

    Raises:
        SparseInvalid: there is another value, or there are several.
    """
    found = found_at(metadata, path)
    if len(found) > 1:
        raise SparseInvalid(f" is at {len(found)} places of the metadata")
    return sparse_vector(found[0]) if found else None


def valid_at(metadata: Any, path: str) -> SparseVector | None:
    """Return the sparse vector at a path of decoded metadata, None if there is none or another value."""
    try:
        return sparse_at(metadata, path)
    except SparseInvalid:
        return None


def terms_of(indices: U32) -> list[bytes]:
    """Return indices as terms, which sort as the indices do."""
    data = indices.astype(">u4").tobytes()
    return [data[at : at + INDEX_BYTES] for at in range(0, len(data), INDEX_BYTES)]


def values_of(counts: npt.NDArray[Any] | None, length: int) -> F32:
    """Return the values of a list of `length` postings from its counts, None if all are 1."""
    bits = np.ones(length, np.uint32) if counts is None else counts.astype(np.uint32)
    return bits.view(np.float32)


def postings_of(vectors: Sequence[SparseVector | None]) -> Postings:
    """Return the postings of the sparse vectors of one or more rows."""
    held = [(row, vector) for row, vector in enumerate(vectors) if vector is not None]
    indices = np.concatenate([np.empty(0, np.uint32), *(vector.indices for _, vector in held)])
    values = np.concatenate([np.empty(0, np.float32), *(vector.values for _, vector in held)])
    rows = np.repeat(np.array([row for row, _ in held], np.uint32), [len(vector.indices) for _, vector in held])
    order = np.argsort(indices, kind="stable")  # the rows of each index still ascend
    distinct, first = np.unique(indices[order], return_index=True)
    starts = np.append(first, len(indices)).astype(np.int64)
    counts = values[order].view(np.uint32)
    return Postings(terms_of(distinct), starts, rows[order], counts, np.zeros(len(vectors), np.uint32), sparse=True)
