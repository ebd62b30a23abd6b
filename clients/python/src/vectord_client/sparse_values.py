"""The sparse vectors of an index, of its rows and of a search."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from vectord_client.errors import ArgumentInvalid


class SparseField(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sparse vectors that an index declares; `searchable` is set in what an index says about them."""

    searchable: bool | None = None


# The names of the sparse vectors of an index: one, or several.
SparseNames: TypeAlias = str | Iterable[str]
# A sparse vector: the value of each index, indices with their values, or an object with `indices` and `values`.
SparseVector: TypeAlias = Mapping[int, float] | tuple[Any, Any] | Mapping[str, Any]


def sparse_fields(given: SparseNames | None) -> dict[str, SparseField] | None:
    """Return the sparse vectors of a new index by their names; None if none are given."""
    if given is None:
        return None
    return {name: SparseField() for name in ([given] if isinstance(given, str) else given)}


def sparse_vector(given: SparseVector) -> dict[str, Any]:
    """Return a sparse vector as the metadata of a row, and a search, have it: `{"indices", "values"}`.

    `given` is a dict of values by index, or indices and values as two sequences or numpy arrays of the same length.

    Raises:
        ArgumentInvalid: It is something else.
    """
    if isinstance(given, Mapping):
        members: Mapping[Any, Any] = given
        if "indices" in members:
            return {**members, "indices": _listed(members["indices"]), "values": _listed(members.get("values"))}
        return {"indices": _listed(list(members)), "values": _listed(list(members.values()))}
    if isinstance(given, tuple | list) and len(given) == 2:
        return {"indices": _listed(given[0]), "values": _listed(given[1])}
    raise ArgumentInvalid(
        f"A sparse vector is a dict of values by index, or (indices, values), not {type(given).__name__}."
    )


def _listed(numbers: Any) -> list[Any]:
    """Return numbers as JSON has them: those of numpy become numbers of Python."""
    if (not isinstance(numbers, Sequence) and not hasattr(numbers, "tolist")) or isinstance(numbers, str):
        raise ArgumentInvalid(f"Indices and values are sequences of numbers, not {numbers!r:.80}.")
    found = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    return [each.item() if hasattr(each, "item") else each for each in found]
