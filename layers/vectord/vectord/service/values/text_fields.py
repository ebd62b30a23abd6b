"""Which fields of texts and sparse vectors a caller may declare, a declaration as a change, and what is searchable."""

from collections.abc import Iterable

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import RequestInvalid
from vectord.index.query.text_errors import TextInvalid
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import SPARSE, TextField, TextFields, invalid_fields_reason, of_sparse, of_texts


class DeclareText(msgspec.Struct, frozen=True):
    """The operation that declares other text fields, and other names of sparse vectors; None keeps those that it has.

    Its effect is 1, or 0 if nothing changed.
    """

    text: dict[str, TextField] | None = None
    sparse: tuple[str, ...] | None = None
    effect_length = 1
    adds = 0

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index and the effect.

        Raises:
            TextInvalid: the same path is declared for texts and for sparse vectors.
        """
        declared = index.params.text or {}
        texts = of_texts(declared) if self.text is None else self.text
        sparse = of_sparse(declared) if self.sparse is None else self.sparse
        changed = _with_fields(index.params, joined(texts, sparse))
        return (index, (0,)) if changed == index.params else (structs.replace(index, params=changed), (1,))


def joined(texts: TextFields, sparse: Iterable[str]) -> TextFields:
    """Return fields of texts together with those of sparse vectors.

    Raises:
        TextInvalid: they have a path in common.
    """
    names = list(sparse)
    if both := sorted(texts.keys() & set(names)):
        raise TextInvalid(f"text and sparse both have {both[0]!r}, which can be declared for one of them only")
    return {**texts, **dict.fromkeys(names, SPARSE)}


def with_text(params: Params, texts: TextFields) -> Params:
    """Return the parameters with other fields of texts; those of sparse vectors stay."""
    return _with_fields(params, {**texts, **of_sparse(params.text or {})})


def _with_fields(params: Params, fields: TextFields) -> Params:
    return structs.replace(params, text=dict(fields) if fields else msgspec.UNSET)


def checked_fields(fields: TextFields) -> TextFields:
    """Return the fields as they are.

    Raises:
        RequestInvalid: there are too few or too many, a path is empty or too long, or a language is unknown.
    """
    if reason := invalid_fields_reason(fields):
        raise RequestInvalid(reason)
    from vectord.text.languages import Analyzer  # noqa: PLC0415  most indexes have no texts

    for path, field in of_texts(fields).items():
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
