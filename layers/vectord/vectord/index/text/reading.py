"""Read what a search by words needs of the sections `text`: fronts, blocks and lists, in two rounds or three.

Samples of terms in the envelope lead to blocks in the round of the fronts.

The steps are generators that yield what they read next, so that a search can fetch it together with something else.
"""

from collections.abc import Generator, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from vectord.index.sections.base import Fetch, SectionRanges
from vectord.index.sections.text import Text
from vectord.index.text.model import FieldTerm, Removed, Segment, TextQuery, joined

MAX_EXPANSIONS: Final = 256  # terms of one field that a prefix stands for: the first that begin with it

_FEW_ROWS: Final = 16_384  # of a section that is searched together with others: about those of a piece

type Terms = Mapping[int, Sequence[bytes]]  # by field
type Expansions = Mapping[FieldTerm, Sequence[bytes]]  # the terms that begin with a prefix of a field, ascending
type Steps[T] = Generator[Sequence[SectionRanges], None, T]  # yields what the caller fetches before the next step


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
    return finished(_read(sources, query), fetch)


def finished[T](steps: Steps[T], fetch: Fetch) -> T:
    """Return the result of steps, each of which is one round."""
    while True:
        try:
            wanted = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        fetch(*wanted)


def read_dictionaries(
    sources: Sequence[Source],
    terms: Terms,
    prefixes: Sequence[FieldTerm] = (),
    others: Sequence[SectionRanges] = (),
    limit: int = MAX_EXPANSIONS,
) -> Steps[Expansions]:
    """Read the fronts, with `others` in the same round, and then the blocks of `terms` and of prefixes of fields.

    Blocks that the samples of a section lead to are read with its front, so that often no second round is needed.
    Return the first `limit` terms that begin with each prefix; some may be only in removed rows.
    """
    texts = [source.text for source in sources]
    yield [*((text.section, [text.head, *text.sampled_ranges(terms, prefixes, limit)]) for text in texts), *others]
    yield [
        (
            text.section,
            [
                *(each for field, of_field in terms.items() for each in text.block_ranges(field, of_field)),
                *(each for prefix in prefixes for each in text.prefix_ranges(*prefix, limit)),
            ],
        )
        for text in texts
    ]
    return {
        prefix: sorted({term for text in texts for term in text.with_prefix(*prefix, limit)})[:limit]
        for prefix in prefixes
    }


def read_lists(sources: Sequence[Source], query: TextQuery) -> Steps[list[Segment]]:
    """Read the lists of a query whose terms are in blocks that were read, and return the segments as `read` does."""
    wanted, texts = query.wanted, [source.text for source in sources]
    ranges = [[each for field, terms in wanted.items() for each in text.list_ranges(field, terms)] for text in texts]
    yield [(text.section, spans) for text, spans in zip(texts, ranges, strict=True)]
    segments = [_segment(source, wanted) for source in sources]
    together = groupby(segments, lambda segment: segment.rows < _FEW_ROWS)
    return [each for are_small, some in together for each in ([joined(list(some))] if are_small else some)]


def _read(sources: Sequence[Source], query: TextQuery) -> Steps[list[Segment]]:
    yield from read_dictionaries(sources, query.wanted)
    return (yield from read_lists(sources, query))


def _segment(source: Source, wanted: Terms) -> Segment:
    text = source.text
    found = {field: text.find(field, terms) for field, terms in wanted.items()}
    lists = {(field, term): each for field, of_field in found.items() for term, each in of_field.items()}
    lengths = {field: text.lengths(field) for field in wanted}
    tokens = {field: text.tokens(field) for field in wanted}
    return Segment(source.first, text.rows, lists, lengths, tokens, source.removed)
