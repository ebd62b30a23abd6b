"""The text field of an adapter's documents: whether an index to create declares it, and whether an index has one."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from vectord_client.errors import ArgumentInvalid, UsageError
from vectord_client.text_values import TextField, text_fields
from vectord_client.values import Parameters

# True declares the texts of documents as a text field; a dict does, with its `language` and `stopwords`.
TextSearch: TypeAlias = bool | dict[str, Any]


class TextNotDeclared(UsageError, ValueError):
    """The index declares no text field, so it cannot be searched by words."""


class StoreText(msgspec.Struct, frozen=True):
    """The metadata path of the texts of documents, and how an index to create declares it; None if it does not."""

    path: str
    field: TextField | None = None

    def to_declare(self) -> dict[str, TextField] | None:
        """Return the text fields of an index to create."""
        return None if self.field is None else {self.path: self.field}

    def check(self, parameters: Parameters) -> None:
        """Raise TextNotDeclared if an index declares no text field at all. It need not be the one at `path`."""
        if not parameters.text:
            raise TextNotDeclared(
                f"The index {parameters.name!r} declares no text field, so it cannot be searched by words. Create the "
                f"store with text_search=True before its first write, or declare the texts of an index that exists: "
                f"Client(...).index({parameters.name!r}).declare_text({self.path!r})."
            )


def store_text(path: str, text_search: TextSearch) -> StoreText:
    """Return what a store knows about its texts.

    Raises:
        ArgumentInvalid: `text_search` is neither a bool nor a dict of the options of a text field.
    """
    if isinstance(text_search, Mapping):
        fields = text_fields({path: text_search}) or {}
        return StoreText(path, fields[path])
    if not isinstance(text_search, bool):
        raise ArgumentInvalid(
            f"text_search is {text_search!r:.80}. Give True, False, or the options of a text field, such as "
            '{"language": "german"}.'
        )
    return StoreText(path, TextField() if text_search else None)
