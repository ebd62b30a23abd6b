"""The fields of an index that can be searched: what `params` declare, and the key `text` of an envelope.

A field has texts, or sparse vectors, whose terms are indices.

A declared field can be searched from the build on that follows its declaration: the key `text` has the fields of the
sections `text` and `piece-text` that the blob has.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

ANALYSIS: Final = "words-1"  # the one that this vectord writes, and the only one that it reads
MAX_FIELDS: Final = 16  # of texts
MAX_SPARSE: Final = 4  # fields of sparse vectors
MAX_INDICES: Final = 4_096  # of one sparse vector
MAX_PATH: Final = 1_024  # characters

_MAX_LANGUAGE: Final = 64  # characters


class TextField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the texts of a field are analysed: the language of stems and stop words, None for neither.

    With `stopwords`, the stop words of the language are removed. With `sparse` the field has sparse vectors and no
    texts; it is then SPARSE.
    """

    language: str | None = "english"
    stopwords: bool = True
    sparse: Literal[True] | msgspec.UnsetType = msgspec.UNSET


SPARSE: Final = TextField(None, stopwords=False, sparse=True)

type TextFields = Mapping[str, TextField]  # by the path of the field in the metadata


class TextShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields that every section of texts has, and the bytes of the front of each, in the order of the body.

    The fields are numbered in the order of their paths. `samples` are those of each section, empty for one without.
    """

    analysis: str
    fields: dict[str, TextField]
    fronts: tuple[int, ...]
    samples: tuple[bytes, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def of_sections(self) -> list[tuple[int, bytes]]:
        """The bytes of the front, and the samples, of each section in the order of the body."""
        return list(zip(self.fronts, self.samples or (b"",) * len(self.fronts), strict=True))


def text_shape(fields: TextFields, of_sections: Sequence[tuple[int, bytes]]) -> TextShape:
    """Return the shape of sections of texts, of each of which the bytes of the front and the samples are given."""
    fronts, samples = tuple(front for front, _ in of_sections), tuple(samples for _, samples in of_sections)
    return TextShape(ANALYSIS, dict(fields), fronts, samples if any(samples) else msgspec.UNSET)


def of_texts(fields: TextFields) -> TextFields:
    """Return the fields of texts."""
    return {path: field for path, field in fields.items() if not field.sparse}


def of_sparse(fields: TextFields) -> TextFields:
    """Return the fields of sparse vectors."""
    return {path: field for path, field in fields.items() if field.sparse}


def sparse_numbers(fields: TextFields) -> frozenset[int]:
    """Return the numbers that the fields of sparse vectors have in a section."""
    return frozenset(number for number, (_, field) in enumerate(numbered(fields)) if field.sparse)


def numbered(fields: TextFields) -> list[tuple[str, TextField]]:
    """Return the path and the options of each field, in the order of the numbers that fields have in a section."""
    return sorted(fields.items())


def invalid_fields_reason(fields: TextFields) -> str | None:
    """Return why an index cannot have these fields, or None if it can. Languages are not compared here."""
    sparse = len(of_sparse(fields))
    if not fields or len(fields) - sparse > MAX_FIELDS:
        return f"text must have 1 to {MAX_FIELDS} fields, not {len(fields) - sparse:,}"
    if sparse > MAX_SPARSE:
        return f"sparse must have 1 to {MAX_SPARSE} names, not {sparse:,}"
    return next(filter(None, map(_invalid_field_reason, fields, fields.values())), None)


def _invalid_field_reason(path: str, field: TextField) -> str | None:
    what = "name of sparse vectors" if field.sparse else "path of a field of text"
    if not 1 <= len(path) <= MAX_PATH:
        return f"the {what} must be 1 to {MAX_PATH:,} characters long, not {len(path):,}"
    if field.sparse:
        return None if field == SPARSE else "a field of sparse vectors has neither a language nor stop words"
    if field.language is not None and not 1 <= len(field.language) <= _MAX_LANGUAGE:
        return f"the language of a field of text must be 1 to {_MAX_LANGUAGE} characters long"
    return None


def invalid_shape_reason(shape: TextShape, sections: int) -> str | None:
    """Return why a blob with this number of sections of texts cannot have this shape, or None if it can."""
    if len(shape.fronts) != sections:
        return f"it has the fronts of {len(shape.fronts):,} sections, but there are {sections:,}"
    if shape.samples and len(shape.samples) != sections:
        return f"it has the samples of {len(shape.samples):,} sections, but there are {sections:,}"
    if not all(0 < front < 2**63 for front in shape.fronts):
        return "a front has no bytes, or more than a section can have"
    return invalid_fields_reason(shape.fields)
