"""Make the section of the texts and the sparse vectors that the metadata of rows have at declared paths."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.sections import text_writer
from vectord.index.sections.text_postings import Postings
from vectord.index.sections.text_writer import PackedText
from vectord.index.text import sparse
from vectord.lhv1.text_fields import TextField, TextFields, numbered
from vectord.text.analysis import analyse
from vectord.text.languages import Analyzer

_BETWEEN = "\n"  # of the texts that one row has in a field, so that no word is in two of them

type Place = tuple[str | int, ...]  # of a value in metadata


def pack_texts(
    metadata: Sequence[msgspec.Raw | None], fields: TextFields, check: DeadlineCheck = no_deadline
) -> PackedText:
    """Return the section of one or more rows, whose metadata are JSON texts, or None. `check` is called now and then.

    Metadata that cannot be decoded have no texts. What is not a sparse vector counts as none: it was stored before the
    field was declared.
    """
    of_fields = numbered(fields)
    found = [_values_of(each, of_fields) for each in metadata]
    return text_writer.pack(
        [_postings([of_row[number] for of_row in found], field, check) for number, (_, field) in enumerate(of_fields)]
    )


def _values_of(metadata: msgspec.Raw | None, fields: Sequence[tuple[str, TextField]]) -> list[Any]:
    """Return what a row has in each field: all texts there, each on a line of its own, or the sparse vector or None."""
    value = decoded(metadata)
    return [
        sparse.valid_at(value, path) if field.sparse else _BETWEEN.join([text for _, text in texts_at(value, path)])
        for path, field in fields
    ]


def decoded(metadata: msgspec.Raw | None) -> Any:
    """Return the value in a JSON text; None if there is none, or if it cannot be decoded."""
    try:
        return None if metadata is None else msgspec.json.decode(metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def analyzer_of(field: TextField) -> Analyzer:
    return Analyzer(field.language, field.stopwords)


def texts_at(value: Any, path: str, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield the texts at a path, as filters understand it: keys joined by dots; arrays are transparent.

    Each comes with its place, which begins with `place`: the keys and the positions in arrays that lead to it.
    """
    if isinstance(value, list):
        for position, each in enumerate(value):
            yield from texts_at(each, path, (*place, position))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == path:
                yield from _texts_in(inner, (*place, key))
            elif path.startswith(f"{key}."):
                yield from texts_at(inner, path[len(key) + 1 :], (*place, key))


def _texts_in(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _texts_in(each, (*place, position))


def _postings(of_rows: Sequence[Any], field: TextField, check: DeadlineCheck) -> Postings:
    if field.sparse:
        return sparse.postings_of(of_rows)
    found = analyse(of_rows, analyzer_of(field), check)
    return Postings(
        [term.encode() for term in found.terms],
        found.starts,
        found.texts.astype(np.uint32),
        found.counts.astype(np.uint32),
        found.lengths.astype(np.uint32),
    )
