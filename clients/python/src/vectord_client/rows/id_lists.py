"""The ids that a call names: a list of text, and never one text, whose letters would be ids."""

from collections.abc import Iterable, Mapping
from typing import Any

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.columns import as_list
from vectord_client.rows.frames import is_frame
from vectord_client.rows.ids import id_reason

_ONE_VALUE = str | bytes | bytearray | memoryview


def checked_id(value: Any, name: str = "id") -> str:
    """Return `value`, which must be text; messages call it `name`.

    Raises:
        ArgumentInvalid: It is not text.
    """
    if isinstance(value, str):
        return value
    raise ArgumentInvalid(f"{name}: {id_reason(value)}.")


def checked_ids(ids: Any, name: str = "ids") -> list[str]:
    """Return ids as a list. They are an iterable of text: a list, a set, an array, a column of a DataFrame.

    Raises:
        ArgumentInvalid: They are one text, or a mapping or table, or one of them is not text.
    """
    check_several(ids, name)
    if isinstance(ids, Mapping) or is_frame(ids):
        raise ArgumentInvalid(f"{name} is a {type(ids).__name__}; give a list of ids, or the column that has them.")
    return [checked_id(value, f"{name}[{position}]") for position, value in enumerate(as_list(ids))]


def optional_id(value: Any) -> str | None:
    """Return an id as `checked_id` does, or None for None."""
    return None if value is None else checked_id(value)


def optional_ids(ids: Any) -> list[str] | None:
    """Return ids as `checked_ids` does, or None for None."""
    return None if ids is None else checked_ids(ids)


def check_several(values: Any, name: str) -> None:
    """Check that `values` are several, because Python would take one text apart into its letters.

    Raises:
        ArgumentInvalid: They are one text or bytes, or cannot be iterated over.
    """
    if isinstance(values, _ONE_VALUE):
        kind = "one text" if isinstance(values, str) else type(values).__name__
        raise ArgumentInvalid(f"{name} is {kind}; give a list of {name}: [{values!r:.80}].")
    if not isinstance(values, Iterable):
        raise ArgumentInvalid(f"{name} is {values!r:.80}; give a list of {name}.")
