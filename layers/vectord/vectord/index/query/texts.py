"""The texts of an index: which fields can be searched by words, and the sections that have them."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from vectord.index.sections.text import Text
from vectord.index.state import Index
from vectord.index.text.model import Array, Removed
from vectord.index.text.reading import Source
from vectord.lhv1.text_fields import TextFields

_SOURCES: Final = "sources of texts"  # where an index keeps them, because many searches are of the same state


def active_fields(index: Index) -> TextFields:
    """Return the declared fields that the sections of texts have as they are declared.

    All declared fields of an index without rows are active, and of one whose rows no commit has written yet.
    """
    declared = index.params.text or {}
    if not len(index) or (index.base is None and not index.tail.pieces):
        return declared
    return {path: field for path, field in declared.items() if index.text_fields.get(path) == field}


def text_sources(index: Index) -> Sequence[Source]:
    """Return the sections of texts, that of the base first, each with its removed rows; none of an index without rows.

    Rows of the tail that no commit has written yet have no texts.
    """
    if not len(index):  # its sections may have other fields than it declares
        return ()
    found: Sequence[Source] | None = index.__dict__.get(_SOURCES)
    if found is None:
        found = tuple([Source(text, first, _removed(index, text, first)) for text, first in _placed(index)])
        index.__dict__[_SOURCES] = found
    return found


def _placed(index: Index) -> Iterator[tuple[Text, int]]:
    """Yield each section of texts with the number of its first row."""
    if index.base and index.base.text:
        yield index.base.text, 0
    for text, start in zip(index.tail.texts, index.tail.starts, strict=False):  # listed rows may follow the pieces
        yield text, index.tail.first + start


def _removed(index: Index, text: Text, first: int) -> Removed | None:
    in_base = first < index.base_rows
    live, start = (index.live.base, first) if in_base else (index.live.tail, first - index.base_rows)
    rows: Array = np.flatnonzero(~live[start : start + text.rows])
    return Removed(rows, text.rows) if len(rows) else None
