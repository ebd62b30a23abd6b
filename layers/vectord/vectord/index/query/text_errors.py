"""Why an index cannot be searched by some words. The module is small, so that the edge can name these errors."""

from collections.abc import Sequence
from typing import Final

from vectord.errors import RequestInvalid

_MAX_LISTED: Final = 10  # words that a message repeats
_MAX_SHOWN: Final = 60  # characters of a path or a word that it repeats


class TextInvalid(RequestInvalid):
    """The words of a search, or its fields, are not valid for the index; or the fields of a change."""


class TextNotDeclared(TextInvalid):
    def __init__(self, index: str) -> None:
        super().__init__(
            f"Index {index!r} declares no texts, so it can be searched by vector only. Texts are declared as "
            "'text' when an index is created."
        )


class TextFieldUnknown(TextInvalid):
    """`declared` are the paths that the index declares."""

    def __init__(self, path: str, declared: Sequence[str]) -> None:
        self.path = path
        listed = ", ".join(map(repr, map(_shortened, declared)))
        super().__init__(
            f"text.fields has {_shortened(path)!r}, which the index does not declare. It declares {listed}."
        )


class TextFieldNotBuilt(TextInvalid):
    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        listed = ", ".join(map(repr, map(_shortened, paths)))
        super().__init__(
            f"The fields {listed} cannot be searched yet: a build has to end first, which is under way. Send the "
            "request again later; the description of the index says which fields are searchable."
        )


class SparseNotDeclared(TextInvalid):
    def __init__(self, index: str) -> None:
        super().__init__(
            f"Index {index!r} declares no sparse vectors. They are declared as 'sparse' when an index is created."
        )


class SparseNameUnknown(TextInvalid):
    """`declared` are the names that the index declares."""

    def __init__(self, name: str, declared: Sequence[str]) -> None:
        listed = ", ".join(map(repr, map(_shortened, declared)))
        super().__init__(
            f"sparse.name is {_shortened(name)!r}, which the index does not declare. It declares {listed}."
        )


class SparseNameMissing(TextInvalid):
    """`declared` are the names that the index declares."""

    def __init__(self, declared: Sequence[str]) -> None:
        listed = ", ".join(map(repr, map(_shortened, declared)))
        super().__init__(f"sparse.name must be one of {listed}, because the index declares several.")


class TextWithoutWords(TextInvalid):
    """`dropped` are the stop words of the text."""

    def __init__(self, dropped: Sequence[str] = ()) -> None:
        self.dropped = tuple(dropped)
        reason = "text.query has no words: no letters and no digits."
        if dropped:
            listed = ", ".join(map(repr, map(_shortened, dropped[:_MAX_LISTED])))
            reason = f"text.query has only stop words, which are not indexed: {listed}."
        super().__init__(f"{reason} Add a word to search for.")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
