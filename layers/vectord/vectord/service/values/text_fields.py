"""Which fields of texts a caller may declare, and which of the declared ones a search can use."""

from vectord.errors import RequestInvalid
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextFields, invalid_fields_reason


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
    declared = index.params.text or {}
    return frozenset(path for path, field in declared.items() if not len(index) or index.text_fields.get(path) == field)
