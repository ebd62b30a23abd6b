"""The use cases that every index has, whether it is one object or sharded."""

from collections.abc import Sequence
from typing import Protocol

from vectord.index.query.query import Query, Result
from vectord.index.query.values import Order, OrderedRow
from vectord.readers.entry import Entry
from vectord.service.values.options import WriteOptions
from vectord.service.values.results import (
    Added,
    Counted,
    Deleted,
    Description,
    Facets,
    GetResult,
    ListPage,
    Patched,
    RecallMeasurement,
    StoredVector,
    Warmed,
)
from vectord.service.values.selection import (
    FacetQuery,
    ListQuery,
    Members,
    Patch,
    Place,
    Selection,
    TextSelection,
)


class VectorIndex(Protocol):
    """An index opened for one request: a `SingleIndex` or a `ShardedIndex`, which document their errors."""

    @property
    def name(self) -> str: ...

    def describe(self) -> Description: ...

    def search(self, query: Query) -> Result: ...

    def recall(self, query: Query, sample_size: int) -> RecallMeasurement: ...

    def warm(self) -> Warmed: ...

    def lookup(self, vector_id: str) -> StoredVector: ...

    def get(self, ids: Sequence[str], members: Members = ...) -> GetResult: ...

    def list(self, query: ListQuery) -> ListPage[Place]: ...

    def list_in_order(self, query: ListQuery, order: Order) -> ListPage[OrderedRow]: ...

    def count(self, filter_text: str | None, text: TextSelection | None = None) -> Counted: ...

    def facets(self, query: FacetQuery) -> Facets: ...

    def would_delete(self, selection: Selection, write: WriteOptions) -> Deleted: ...

    def add(self, entries: Sequence[Entry], write: WriteOptions) -> Added: ...

    def delete(self, selection: Selection, write: WriteOptions) -> Deleted: ...

    def patch(self, selection: Selection, patch: Patch, write: WriteOptions) -> Patched: ...
