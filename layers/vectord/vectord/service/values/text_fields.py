"""Which fields of texts a caller may declare, a declaration as a change, and which of the fields a search can use."""

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import RequestInvalid
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import TextField, TextFields, invalid_fields_reason


class DeclareText(msgspec.Struct, frozen=True):
    """The operation that declares other text fields, or none. Its effect is 1, or 0 if nothing changed."""

    text: dict[str, TextField]
    effect_length = 1
    adds = 0

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        changed = with_text(index.params, self.text)
        return (index, (0,)) if changed == index.params else (structs.replace(index, params=changed), (1,))


def with_text(params: Params, fields: TextFields) -> Params:
    """Return the parameters with other text fields; without fields if there are none."""
    return structs.replace(params, text=dict(fields) if fields else msgspec.UNSET)


def checked_fields(fields: TextFields) -> TextFields:
    """Return the fields as they are.

    Raises:
        RequestInvalid: there are too few or too many, a path is empty or too long, or a language is unknown.
    """
    if reason := invalid_fields_reason(fields):
        raise RequestInvalid(reason)
    from vectord.text.languages import Analyzer  # noqa: PLC0415  most indexes have no texts

    for path, field in fields.items():
        Analyzer(field.language, field.stopwords).check(f"text.{path}")
    return fields


def searchable_fields(index: Index) -> frozenset[str]:
    """Return the paths of the declared fields that a search can use as they are declared.

    A declaration is used from the build on that follows it. An index without rows needs none.
    """
    return searchable_of(index.params, index.text_fields, len(index))


def searchable_of(params: Params, built: TextFields, count: int) -> frozenset[str]:
    """Return the same for an index of `count` rows, whose sections of texts have the fields `built`."""
    declared = params.text or {}
    return frozenset(path for path, field in declared.items() if not count or built.get(path) == field)
