"""Read what a search by words needs of the sections `text`, in three rounds: fronts, blocks, lists."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from vectord.index.sections.base import Fetch
from vectord.index.sections.text import Text
from vectord.index.text.model import Removed, Segment, TextQuery, joined

_FEW_ROWS: Final = 16_384  # of a section that is searched together with others: about those of a piece


class Source(msgspec.Struct, frozen=True, eq=False):
    """A section, the number of its first row in the index, and its removed rows."""

    text: Text
    first: int = 0
    removed: Removed | None = None


def read(sources: Sequence[Source], query: TextQuery, fetch: Fetch) -> list[Segment]:
    """Return the segments of the base and of the tail, in their order; those of adjacent small sections are one.

    Raises:
        BlobCorrupt: what was read does not match its checksums, or contradicts itself.
    """
    wanted, texts = query.wanted, [source.text for source in sources]
    fetch(*((text.section, [text.head]) for text in texts))
    ranges = [[each for field, terms in wanted.items() for each in text.block_ranges(field, terms)] for text in texts]
    fetch(*((text.section, spans) for text, spans in zip(texts, ranges, strict=True)))
    ranges = [[each for field, terms in wanted.items() for each in text.list_ranges(field, terms)] for text in texts]
    fetch(*((text.section, spans) for text, spans in zip(texts, ranges, strict=True)))
    segments = [_segment(source, wanted) for source in sources]
    together = groupby(segments, lambda segment: segment.rows < _FEW_ROWS)
    return [each for are_small, some in together for each in ([joined(list(some))] if are_small else some)]


def _segment(source: Source, wanted: Mapping[int, Sequence[bytes]]) -> Segment:
    text = source.text
    found = {field: text.find(field, terms) for field, terms in wanted.items()}
    lists = {(field, term): each for field, of_field in found.items() for term, each in of_field.items()}
    lengths = {field: text.lengths(field) for field in wanted}
    tokens = {field: text.tokens(field) for field in wanted}
    return Segment(source.first, text.rows, lists, lengths, tokens, source.removed)
