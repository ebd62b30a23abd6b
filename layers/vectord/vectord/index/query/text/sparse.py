"""Search by a sparse vector: which field and indices it has, and the dot products of the rows that share one."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from vectord.index.query.explanations import IndexShare
from vectord.index.query.query import SparseSearch
from vectord.index.query.text_errors import (
    SparseNameMissing,
    SparseNameUnknown,
    SparseNotDeclared,
    TextFieldNotBuilt,
    TextInvalid,
)
from vectord.index.query.text_limits import LEAST_PRODUCT
from vectord.index.query.texts import active_fields, text_sources
from vectord.index.sections.base import SectionRanges
from vectord.index.state import Index
from vectord.index.text import products, sparse
from vectord.index.text.model import F64, Array, FieldTerms, Mask, Segment, TextQuery
from vectord.index.text.products import Products
from vectord.index.text.ranking import Ranked
from vectord.index.text.reading import Steps, read_dictionaries, read_lists
from vectord.lhv1.text_fields import SPARSE, numbered, of_sparse


class SparseTerms(msgspec.Struct, frozen=True):
    """A sparse vector to search for: the number of its field, and its indices as terms, which ascend, with values."""

    field: int
    values: dict[bytes, float]

    @property
    def query(self) -> TextQuery:
        return TextQuery((FieldTerms(self.field, tuple(self.values)),))


class OpenedSparse(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A search by a sparse vector of which everything is in memory."""

    terms: SparseTerms
    segments: Sequence[Segment]

    @property
    def statistics(self) -> None:
        """None, because a dot product depends on no other row."""
        return None

    @cached_property
    def products(self) -> list[Products]:
        """The dot products of each segment."""
        [terms] = self.terms.query.fields
        return [products.products(segment, terms, self.terms.values) for segment in self.segments]

    def rank(self, k: int, allowed: Mask | None, *, least: float = LEAST_PRODUCT, most: float = np.inf) -> Ranked:
        """Return the `k` best of the rows that are True in `allowed`, as `products.rank` does."""
        return products.rank(self.segments, self.products, k, allowed, least=least, most=most)

    def relevances(self, rows: Array) -> F64:
        """Return the dot products of rows, which ascend; 0 for a row that shares no index with the search."""
        return products.products_of(self.segments, self.products, rows)

    def shares(self, rows: Array) -> Mapping[int, tuple[IndexShare, ...]]:
        """Return what the indices add to the dot products of rows, which ascend, by ascending indices."""
        listed = {row: list[IndexShare]() for row in rows.tolist()}
        [terms] = self.terms.query.fields
        for row, term, value, share in products.shares(self.segments, terms, self.terms.values, rows):
            listed[row].append(IndexShare(int.from_bytes(term), value, share))
        return {row: tuple(of_row) for row, of_row in listed.items()}


def sparse_terms(index: Index, search: SparseSearch) -> SparseTerms:
    """Return the sparse vector of a search, with the number that its field has in the sections of the index.

    Raises:
        SparseNotDeclared, SparseNameMissing, SparseNameUnknown, TextFieldNotBuilt
        TextInvalid: it is not a sparse vector.
    """
    declared = sorted(of_sparse(index.params.text or {}))
    if not declared:
        raise SparseNotDeclared(index.params.name)
    if search.name is None and len(declared) > 1:
        raise SparseNameMissing(declared)
    name = declared[0] if search.name is None else search.name
    if name not in declared:
        raise SparseNameUnknown(name, declared)
    if name not in active_fields(index):
        raise TextFieldNotBuilt([name])
    try:
        vector = sparse.of_lists(search.indices, search.values)
    except sparse.SparseInvalid as error:
        raise TextInvalid(f"sparse{error}.") from error
    of_sections = (index.text_fields if len(index) else {}) or {name: SPARSE}
    number = next(number for number, (path, _) in enumerate(numbered(of_sections)) if path == name)
    return SparseTerms(number, dict(zip(sparse.terms_of(vector.indices), vector.values.tolist(), strict=True)))


def opened(index: Index, terms: SparseTerms, others: Sequence[SectionRanges]) -> Steps[OpenedSparse]:
    """Read what a search needs, with `others` in the first round."""
    texts = text_sources(index)
    yield from read_dictionaries(texts, terms.query.wanted, others=others)
    return OpenedSparse(terms, (yield from read_lists(texts, terms.query)))
