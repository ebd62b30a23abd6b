"""The text fields of an index, and the words of a search."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from vectord_client.errors import ArgumentInvalid


class TextField(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the texts at a metadata path are analysed; `searchable` is set in what an index says about its fields.

    `language` chooses stems and stop words, None keeps words as they are. With `stopwords`, stop words are removed.
    """

    language: str | None = "english"
    stopwords: bool = True
    searchable: bool | None = None


# The fields of a new index: paths, or paths with the options of each.
TextFields: TypeAlias = str | Sequence[str] | Mapping[str, TextField | Mapping[str, Any]]
# The words of a search: a text, or an object with `query`, `fields`, `match` and `prefix`.
Words: TypeAlias = str | Mapping[str, Any]


def text_fields(given: TextFields | None) -> dict[str, TextField] | None:
    """Return the fields of a new index with their options; None if none are given.

    Raises:
        ArgumentInvalid: The options of a field have another form.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return {path: TextField() for path in ([given] if isinstance(given, str) else given)}
    return {path: _field(path, options) for path, options in given.items()}


def _field(path: str, options: TextField | Mapping[str, Any]) -> TextField:
    if isinstance(options, TextField):
        return TextField(options.language, options.stopwords)
    try:
        return TextField(**options)
    except TypeError as error:
        raise ArgumentInvalid(
            f"The options of the text field {path!r} are language and stopwords, not {options!r:.80}."
        ) from error
