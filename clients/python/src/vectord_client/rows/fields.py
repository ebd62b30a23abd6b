"""Names of a row's fields or columns, and what is wrong with those that an input has."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import structs

from vectord_client.errors import ArgumentInvalid


class Names(msgspec.Struct, frozen=True):
    """The fields or columns of a row: of its id, its vector, and its metadata.

    `metadata`: None means all other fields, or the field `metadata` if it is the only other one; a name means the field
    with all metadata; a sequence of names means these fields.
    """

    id: str = "id"
    vector: str = "vector"
    metadata: str | tuple[str, ...] | None = None


def make_names(row_id: str = "id", vector: str = "vector", metadata: str | Iterable[str] | None = None) -> Names:
    """Return the names that a caller gives.

    Raises:
        ArgumentInvalid: one of them is not text.
    """
    for option, name in (("id", row_id), ("vector", vector)):
        if not isinstance(name, str):
            raise ArgumentInvalid(f"{option} is {name!r:.80}; it is the name of a field.")
    if metadata is None or isinstance(metadata, str):
        return Names(row_id, vector, metadata)
    names = tuple(metadata) if isinstance(metadata, Iterable) else (metadata,)
    if not all(isinstance(name, str) for name in names):
        raise ArgumentInvalid(f"metadata is {metadata!r:.80}; it is the name of a field, or a list of names.")
    return Names(row_id, vector, names)


def check_names(present: Sequence[str], names: Names, what: str) -> Names:
    """Return the names of the columns to read from those that are present: `values` stands for an absent `vector`.

    Raises:
        ArgumentInvalid: a column is missing or there twice; or it is not clear which columns are metadata.
    """
    if repeated := [name for name, count in Counter(present).items() if count > 1]:
        raise ArgumentInvalid(f"the {what} has columns more than once: {_listed(repeated)}; rename or drop them")
    found = structs.replace(names, vector=vector_name(present, names.vector))
    for name, parameter in ((found.id, "id"), (found.vector, "vector")):
        if name not in present:
            raise ArgumentInvalid(no_field(what, "column", name, parameter, present))
    selected = metadata_names(present, found)
    for name in (selected,) if isinstance(selected, str) else selected:
        if name not in present:
            raise ArgumentInvalid(no_field(what, "column", name, "metadata", present))
    return found


def vector_name(present: Iterable[Any], name: str) -> str:
    """Return the name of the field with the vector; some exports name it `values`."""
    return "values" if name == "vector" and "vector" not in present and "values" in present else name


def metadata_names(present: Sequence[str], names: Names) -> str | Sequence[str]:
    """Return the field that has all metadata, or the fields that are members of it.

    Raises:
        ArgumentInvalid: there is a field `metadata` beside others.
    """
    if names.metadata is not None:
        return names.metadata
    others = [name for name in present if name not in (names.id, names.vector)]
    if "metadata" not in others:
        return others
    if len(others) > 1:
        more = _listed([name for name in others if name != "metadata"])
        raise ArgumentInvalid(
            f"there is a field 'metadata', and others that would be metadata as well: {more}. Select them "
            "with the option `metadata`"
        )
    return "metadata"


def no_field(what: str, kind: str, name: str, parameter: str, present: Iterable[Any]) -> str:
    """Return the message for a missing field or column, with those that exist."""
    return (
        f"the {what} has no {kind} {name!r}; its {kind}s are {_listed(present)}. Name it with the option `{parameter}`"
    )


def _listed(names: Iterable[Any]) -> str:
    shown = ", ".join(repr(name) for name in names) or "none"
    return shown if len(shown) <= 500 else f"{shown[:500]}…"
