"""Find the live rows of an index that match a filter: by columns, and by documents where columns do not decide."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.match import matcher
from vectord.filters.tree import Filter, Words, conditions
from vectord.index.columns.evaluate import evaluate
from vectord.index.query.sources import Source, sources
from vectord.index.rows import Mask, RowMask
from vectord.index.state import Index

if TYPE_CHECKING:  # an index without texts does not import them
    from vectord.index.query.words import WordsReader


def matching_rows(index: Index, tree: Filter, check: DeadlineCheck = no_deadline) -> RowMask:
    """Return the live rows of `index` that match `tree`.

    Columns settle most rows. The documents of the other rows are read.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    tested = list(conditions(tree))
    words = _words(index, [condition for condition in tested if isinstance(condition, Words)], check)
    by_column = {condition.path for condition in tested if not isinstance(condition, Words)}
    base, tail = np.zeros(0, np.bool_), np.zeros(len(index.tail), np.bool_)
    for source in sources(index, index.live, check, with_columns=bool(by_column)):
        mask = _mask(tree, source, by_column, words)
        if source.first == 0 and index.base:
            base = mask
        else:
            tail = mask
    return RowMask(base, tail, filtered=True)


def _words(index: Index, wanted: Sequence[Words], check: DeadlineCheck) -> "WordsReader | None":
    """Return what the postings of texts say about conditions on words; None if there are none."""
    if not wanted:
        return None
    from vectord.index.query.words import words_reader  # noqa: PLC0415  few indexes have texts

    return words_reader(index, wanted, check)


def _mask(tree: Filter, source: Source, by_column: Collection[str], words: "WordsReader | None") -> Mask:
    columns, rows = source.columns.read(by_column, source.fetch) if by_column else {}, source.columns.rows
    mask_of = (lambda wanted: words.mask(wanted, source.first, rows)) if words else None
    ternary = evaluate(tree, columns, rows, source.check, mask_of)
    mask = ternary.certain & source.mask
    if not ternary.settled:
        undecided = np.flatnonzero(ternary.possible & source.mask & ~mask)
        test = words.test(source.first, rows, undecided) if words else None
        satisfies = matcher(tree, source.check, test)
        source.prefetch(undecided.tolist())
        for row, metadata in source.decoded(undecided):
            mask[row] = satisfies(metadata, row)
    return mask
