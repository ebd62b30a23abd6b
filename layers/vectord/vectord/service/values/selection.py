"""Which vectors a request selects: by id, by a metadata filter, or page by page."""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import msgspec

from vectord.deadline import DeadlineCheck
from vectord.errors import FilterInvalid, RequestInvalid, VectorsNotFound
from vectord.filters.limits import MAX_PATH, is_longer
from vectord.filters.parse import parse
from vectord.filters.tree import Filter, constant
from vectord.index import mutations
from vectord.index.query import scan
from vectord.index.query.query import SparseSearch, TextSearch, TextStatistics
from vectord.index.query.scan import Span
from vectord.index.query.values import Facet, Order, OrderedRow
from vectord.index.rows import RowMask
from vectord.index.state import Index
from vectord.readers.repeated import repeated_anywhere

if TYPE_CHECKING:
    from vectord.index.query.by_metadata import MetadataReader

MAX_IDS: Final = 1_000
MAX_PAGE: Final = 1_000
MAX_PATHS: Final = 16  # of one request for facets
MAX_VALUES: Final = 1_000  # of one facet
_MAX_CACHED: Final = 1 << 16  # characters of a filter that is cached beside others


class Selection(msgspec.Struct, frozen=True):
    """The vectors of `ids`, or those that satisfy `filter`, JSON text.

    With `must_exist`, a deletion is refused if the index does not have one of the ids.
    """

    ids: list[str] | None = None
    filter: str | None = None
    must_exist: bool = False


class TextSelection(msgspec.Struct, frozen=True):
    """The vectors that a search by words, or by a sparse vector, finds.

    `statistics` are those of all shards, None for those of the index. It has either words or a sparse vector.
    """

    text: TextSearch | None
    statistics: TextStatistics | None = None
    sparse: SparseSearch | None = None

    @property
    def search(self) -> TextSearch | SparseSearch:
        found = self.text or self.sparse
        assert found is not None
        return found


class Patch(msgspec.Struct, frozen=True):
    """A change of metadata: `merge` as in RFC 7396, or `replace`. `metadata` is JSON text; `null` clears it."""

    metadata: msgspec.Raw
    mode: Literal["merge", "replace"] = "merge"


class Delete(msgspec.Struct, frozen=True):
    """A change that deletes the selected vectors; its effect is the rows that it deleted, and the count after it."""

    effect_length: ClassVar[int] = 2
    adds: ClassVar[int] = 0

    selection: Selection

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index and the effect; unknown ids are ignored, unless they must exist.

        Raises:
            VectorsNotFound: some ids must exist, and are not in the index.
        """
        row_of = selected_rows(index, self.selection, check)
        if self.selection.must_exist:
            _check_found(name, self.selection, row_of)
        changed, deleted = mutations.remove(index, row_of)
        return changed, (deleted, len(changed))


class ChangeMetadata(msgspec.Struct, frozen=True):
    """A change of the metadata of the selected vectors; its effect is their number, and the count after it."""

    effect_length: ClassVar[int] = 2

    selection: Selection
    patch: Patch

    @property
    def adds(self) -> int:
        return len(self.selection.ids or ())

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index and the effect.

        Raises:
            VectorsNotFound: some ids are not in the index.
            RequestTooLarge: the metadata, once for each vector, is too large.
            TextInvalid: the sparse vector of one of them would not be valid.
        """
        row_of = selected_rows(index, self.selection, check)
        _check_found(name, self.selection, row_of)
        changed = mutations.patch(index, row_of, self.patch.metadata, self.patch.mode, check)
        if index.params.text:
            from vectord.index.query.text.stored import check_sparse  # noqa: PLC0415  few indexes need it

            check_sparse(changed, list(row_of))
        return changed, (len(row_of), len(index))


def _check_found(name: str, selection: Selection, row_of: Mapping[str, int]) -> None:
    """Raise VectorsNotFound if index `name` does not have all ids of a selection."""
    if missing := [one for one in dict.fromkeys(selection.ids or ()) if one not in row_of]:
        raise VectorsNotFound(name, missing)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in a listing: in the shard with this number, after the vector `id`, whose crc32 is `hash`."""

    shard: Annotated[int, msgspec.Meta(ge=0)]
    hash: Annotated[int, msgspec.Meta(ge=0, lt=scan.HASHES)]
    id: str


class Members(msgspec.Struct, frozen=True):
    """The members of vectors to read. Later vectors are not read when these members have `size` bytes in all."""

    metadata: bool = True
    vectors: bool = True
    size: int = sys.maxsize


EVERYTHING: Final = Members()
METADATA: Final = Members(vectors=False)


class ListQuery(msgspec.Struct, frozen=True):
    """One page of a listing: up to `limit` vectors after the place `after`, whose ids start with `prefix`.

    Only vectors in segment `segment` of `segments` that satisfy `filter`, JSON text, are listed. With `order` they are
    listed in that order, without segments, and the page starts after its row `after`.
    """

    limit: int
    after: Place | None = None
    prefix: str = ""
    segment: int = 0
    segments: int = 1
    filter: str | None = None
    members: Members = METADATA
    order: Order | None = None

    @property
    def span(self) -> Span:
        position = (self.after.hash, self.after.id) if self.after else None
        return Span(*scan.segment(self.segment, self.segments), position, self.prefix)

    def check_limit(self) -> None:
        """Raise RequestInvalid if the limit is not 1 to MAX_PAGE."""
        if not 1 <= self.limit <= MAX_PAGE:
            raise RequestInvalid(f"limit must be 1 to {MAX_PAGE:,}, not {self.limit:,}")


def check_id_count(ids: Sequence[str]) -> None:
    """Raise RequestInvalid if there are more ids than one request may get."""
    if len(ids) > MAX_IDS:
        raise RequestInvalid(f"ids must be at most {MAX_IDS:,} at a time, not {len(ids):,}")


class FacetQuery(msgspec.Struct, frozen=True):
    """The distinct values at each of `paths`, up to `limit`, among the vectors that satisfy `filter`, JSON text.

    With `text`, a search by it finds the vectors too.
    """

    paths: list[str]
    limit: int
    filter: str | None = None
    text: TextSelection | None = None

    def check(self) -> None:
        """Raise RequestInvalid or FilterInvalid if a member is out of range or not valid."""
        if not 1 <= len(self.paths) <= MAX_PATHS:
            raise RequestInvalid(f"paths must be 1 to {MAX_PATHS} at a time, not {len(self.paths):,}")
        if any(is_longer(path, MAX_PATH) for path in self.paths):
            raise RequestInvalid(f"each of paths must have at most {MAX_PATH:,} bytes")
        if not 1 <= self.limit <= MAX_VALUES:
            raise RequestInvalid(f"limit must be 1 to {MAX_VALUES:,}, not {self.limit:,}")
        check_counted(self.filter, self.text)


def check_counted(filter_text: str | None, words: TextSelection | None) -> None:
    """Raise FilterInvalid or RequestInvalid if no vectors can be counted by a filter and some words."""
    if words is not None:
        words.search.check()
    parse_filter(filter_text)


def parse_filter(text: str | None) -> Filter | None:
    """Return the filter in a JSON text; None without a text.

    Raises:
        FilterInvalid: it is not a filter.
    """
    if text is None:
        return None
    return _parse(text) if len(text) <= _MAX_CACHED else _parse_long(text)


@lru_cache(maxsize=32)
def _parse(text: str) -> Filter:
    try:
        value = msgspec.json.decode(text)
    except msgspec.ValidationError as error:
        raise FilterInvalid("filter", f"has a number that is out of range: {error}.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise FilterInvalid("filter", "is not JSON, or nested too deeply.") from error
    tree = parse(value)  # before anything that recurses: it bounds the depth
    if (key := repeated_anywhere(text, value)) is not None:
        raise FilterInvalid(
            "filter", f"has the key {key!r} more than once in an object. Put both conditions under it, or use $and."
        )
    return tree


@lru_cache(maxsize=1)
def _parse_long(text: str) -> Filter:
    """Parse a filter of up to 6 MB. One is kept, because each shard uses it; several could fill the memory."""
    return _parse.__wrapped__(text)


def matches_all(text: str | None) -> bool:
    """Return True if a filter, JSON text, matches every vector whatever its metadata, as `{}` does.

    Raises:
        FilterInvalid: it is not a filter.
    """
    tree = parse_filter(text)
    return tree is not None and constant(tree) is True


def matching_rows(index: Index, text: str | None, check: DeadlineCheck) -> RowMask | None:
    """Return the mask of the rows that satisfy a filter, JSON text; None if every row does, as without a filter."""
    tree = parse_filter(text)
    if tree is None or constant(tree):
        return None
    return _metadata_reader(index, check).matching_rows(tree)


def counted_rows(index: Index, text: str | None, words: TextSelection | None, check: DeadlineCheck) -> RowMask:
    """Return the mask of the rows that satisfy a filter, None for all, and that a search by `words` finds.

    Raises:
        FilterInvalid, TextInvalid
    """
    mask = matching_rows(index, text, check)
    if words is None:
        return mask or index.live
    from vectord.index.query.text.rows import with_terms  # noqa: PLC0415  most indexes have no texts

    return with_terms(index, words.search, words.statistics, mask, check)


def selected_rows(index: Index, selection: Selection, check: DeadlineCheck) -> Mapping[str, int]:
    """Return the rows of the selected vectors by id; ids that are not in the index are left out."""
    if selection.ids is not None:
        return index.find(list(dict.fromkeys(selection.ids)))
    rows = (matching_rows(index, selection.filter, check) or index.live).rows.tolist()
    return dict(zip(index.ids_of(rows), rows, strict=True))


def facets_of(index: Index, query: FacetQuery, mask: RowMask, check: DeadlineCheck) -> list[Facet]:
    """Return the facet of each path of a query over the rows of `mask`."""
    reader = _metadata_reader(index, check)
    found = {path: reader.facet(path, mask, query.limit) for path in dict.fromkeys(query.paths)}
    check()
    return [found[path] for path in query.paths]


def ordered_rows_of(index: Index, query: ListQuery, order: Order, limit: int, check: DeadlineCheck) -> list[OrderedRow]:
    """Return the first `limit` rows of an ordered listing."""
    mask = matching_rows(index, query.filter, check) or index.live
    return _metadata_reader(index, check).ordered_rows(order, mask, query.prefix, limit)


def _metadata_reader(index: Index, check: DeadlineCheck) -> "MetadataReader":
    from vectord.index.query.by_metadata import MetadataReader  # noqa: PLC0415  most requests do not need it

    return MetadataReader(index, check)
