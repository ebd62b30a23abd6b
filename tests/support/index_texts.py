"""What the sections of texts of an index have, and what they should have by the stored metadata."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from tests.support import vectors as v
from vectord.index.rows import Item
from vectord.index.sections.text_whole import all_postings
from vectord.index.state import Index, empty_index
from vectord.lhv1.params import new_params
from vectord.lhv1.text_fields import TextField, numbered
from vectord.text.languages import Analyzer
from vectord.text.query import occurrences

BODY = {"body": TextField()}

type Terms = dict[str, dict[str, Counter[str]]]  # id -> path -> term -> count; without fields that have no term


def empty(dimension: int = 3, fields: Mapping[str, TextField] | None = None) -> Index:
    return empty_index(new_params("t", dimension, m=2, text=BODY if fields is None else fields))


def passage(vector_id: str, body: Any, seed: int = 0) -> Item:
    return v.item(vector_id, [1, seed, len(vector_id)], {"body": body, "n": seed})


def stored_terms(index: Index) -> Terms:
    """Return the terms that the sections have of each live row; check that the lengths of rows are their sums."""
    index.fetch(*((text.section, None) for text in index.texts))
    first, found = 0, dict[int, dict[str, Counter[str]]]()
    for text in index.texts:
        for (path, _), postings in zip(numbered(index.text_fields), all_postings(text), strict=True):
            lengths, pairs = Counter[int](), list(zip(postings.rows.tolist(), postings.counts.tolist(), strict=True))
            for term, (start, stop) in zip(postings.terms, pairwise(postings.starts.tolist()), strict=True):
                for row, count in pairs[start:stop]:
                    found.setdefault(first + row, {}).setdefault(path, Counter())[term.decode()] = count
                    lengths[row] += count
            assert [lengths[row] for row in range(text.rows)] == postings.lengths.tolist()
        first += text.rows
    assert first in (0, index.base_rows + len(index.tail))  # all rows have texts, or none has
    live = [row for row in range(first) if row not in index.removed]
    return {vector_id: found[row] for row, vector_id in zip(live, index.ids_of(live), strict=True) if row in found}


def expected_terms(index: Index) -> Terms:
    """Return the terms of the texts that the stored metadata have, by the analysis of one text at a time."""
    terms = dict[str, dict[str, Counter[str]]]()
    for vector_id, raw in index.rows.metadata.items():
        for path, field in index.text_fields.items():
            of_field = _terms(json.loads(bytes(raw)), path, field)
            if of_field:
                terms.setdefault(vector_id, {})[path] = of_field
    return terms


def _terms(value: Any, path: str, field: TextField) -> Counter[str]:
    analyzer = Analyzer(field.language, field.stopwords)
    return Counter(each.term for text in _texts(value, path) for each in occurrences(text, analyzer))


def _texts(value: Any, path: str, at: str = "") -> list[str]:
    """Return the texts at a path by looking at every value and the keys that lead to it."""
    if isinstance(value, str):
        return [value] if at == path else []
    if isinstance(value, list):
        return [text for each in value for text in _texts(each, path, at)]
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in _texts(each, path, f"{at}.{key}" if at else key)]
    return []


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())
