"""What an index answers by the metadata of its rows. This is imported at the first such request."""

import msgspec

from vectord.deadline import DeadlineCheck
from vectord.filters.tree import Filter
from vectord.index.query import facets, filtering, sorting
from vectord.index.query.values import Facet, Order, OrderedRow
from vectord.index.rows import RowMask
from vectord.index.state import Index


class MetadataReader(msgspec.Struct, frozen=True):
    """Reads the metadata of one state of an index: columns first, and documents where columns do not decide.

    Every method may raise what `index.fetch` and `check` raise, and
        BlobCorrupt: a section does not match its checksum.
    """

    index: Index
    check: DeadlineCheck

    def matching_rows(self, tree: Filter) -> RowMask:
        """Return the live rows that match a filter."""
        return filtering.matching_rows(self.index, tree, self.check)

    def facet(self, path: str, mask: RowMask, limit: int) -> Facet:
        """Return the facet of a path over the rows of `mask`, with up to `limit` values."""
        return facets.facet(self.index, path, mask, limit, self.check)

    def ordered_rows(self, order: Order, mask: RowMask, prefix: str, limit: int) -> list[OrderedRow]:
        """Return the first `limit` rows of `mask` whose ids start with `prefix`, in an order."""
        return sorting.ordered_rows(self.index, order, mask, prefix, limit, check=self.check)
