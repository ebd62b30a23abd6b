"""Make the section of the texts that the metadata of rows have at declared paths."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.sections import text_writer
from vectord.index.sections.text_postings import Postings
from vectord.index.sections.text_writer import PackedText
from vectord.lhv1.text_fields import TextField, TextFields, numbered
from vectord.text.analysis import analyse
from vectord.text.languages import Analyzer

_BETWEEN = "\n"  # of the texts that one row has in a field, so that no word is in two of them


def pack_texts(
    metadata: Sequence[msgspec.Raw | None], fields: TextFields, check: DeadlineCheck = no_deadline
) -> PackedText:
    """Return the section of one or more rows, whose metadata are JSON texts, or None. `check` is called now and then.

    Metadata that cannot be decoded have no texts.
    """
    of_fields = numbered(fields)
    texts = [texts_of(each, [path for path, _ in of_fields]) for each in metadata]
    return text_writer.pack(
        [_postings([of_row[number] for of_row in texts], field, check) for number, (_, field) in enumerate(of_fields)]
    )


def texts_of(metadata: msgspec.Raw | None, paths: Sequence[str]) -> list[str]:
    """Return the text at each of `paths`: all texts there, in their order, each on a line of its own."""
    try:
        value = None if metadata is None else msgspec.json.decode(metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return [_BETWEEN.join(_texts_at(value, path)) for path in paths]


def analyzer_of(field: TextField) -> Analyzer:
    return Analyzer(field.language, field.stopwords)


def _texts_at(value: Any, path: str) -> Iterator[str]:
    """Yield the texts at a path, as filters understand it: keys joined by dots; arrays are transparent."""
    if isinstance(value, list):
        for each in value:
            yield from _texts_at(each, path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == path:
                yield from _texts_in(inner)
            elif path.startswith(f"{key}."):
                yield from _texts_at(inner, path[len(key) + 1 :])


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)


def _postings(texts: Sequence[str], field: TextField, check: DeadlineCheck) -> Postings:
    found = analyse(texts, analyzer_of(field), check)
    return Postings(
        [term.encode() for term in found.terms],
        found.starts,
        found.texts.astype(np.uint32),
        found.counts.astype(np.uint32),
        found.lengths.astype(np.uint32),
    )
