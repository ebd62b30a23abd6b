"""The fields in which a search by words looks."""

import msgspec

from vectord.errors import CursorInvalid
from vectord.index.query.query import TextSearch, TextStatistics
from vectord.index.query.text_errors import TextFieldNotBuilt, TextFieldUnknown, TextNotDeclared
from vectord.index.query.texts import active_fields
from vectord.index.state import Index
from vectord.index.text.packing import analyzer_of
from vectord.lhv1.text_fields import numbered, of_texts
from vectord.text.languages import Analyzer


class SearchedField(msgspec.Struct, frozen=True):
    """A field with its number in the sections, and what its relevance is multiplied by."""

    number: int
    path: str
    analyzer: Analyzer
    weight: float


def searched_fields(index: Index, search: TextSearch, first: TextStatistics | None) -> list[SearchedField]:
    """Return the fields that a search names, or all that can be searched; on a further page those of the `first` one.

    Raises:
        TextNotDeclared, TextFieldUnknown, TextFieldNotBuilt
        CursorInvalid: a field of the first page cannot be searched any more.
    """
    declared = of_texts(index.params.text or {})
    if not declared:
        raise TextNotDeclared(index.params.name)
    searchable = of_texts(active_fields(index))
    for path in search.fields:
        if path not in declared:
            raise TextFieldUnknown(path, sorted(declared))
    if absent := [path for path in search.fields if path not in searchable]:
        raise TextFieldNotBuilt(absent)
    if not searchable:
        raise TextFieldNotBuilt(sorted(declared))
    paths = set(search.fields or searchable)
    if first is not None:
        if not paths.issuperset(first.fields):
            raise CursorInvalid
        paths = set(first.fields)
    of_sections = (index.text_fields if len(index) else {}) or searchable
    return [
        SearchedField(number, path, analyzer_of(field), search.fields.get(path, 1.0))
        for number, (path, field) in enumerate(numbered(of_sections))
        if path in paths
    ]
