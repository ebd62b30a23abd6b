"""Find the live rows of an index that match a filter: by columns, and by documents where columns do not decide."""

import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.match import matcher
from vectord.filters.tree import Filter, paths
from vectord.index.columns.evaluate import evaluate
from vectord.index.query.sources import Source, sources
from vectord.index.rows import Mask, RowMask
from vectord.index.state import Index


def matching_rows(index: Index, tree: Filter, check: DeadlineCheck = no_deadline) -> RowMask:
    """Return the live rows of `index` that match `tree`.

    Columns settle most rows. The documents of the other rows are read.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    base, tail = np.zeros(0, np.bool_), np.zeros(len(index.tail), np.bool_)
    for source in sources(index, index.live, check):
        if source.first == 0 and index.base:
            base = _mask(tree, source)
        else:
            tail = _mask(tree, source)
    return RowMask(base, tail, filtered=True)


def _mask(tree: Filter, source: Source) -> Mask:
    columns = source.columns.read(paths(tree), source.fetch)
    ternary = evaluate(tree, columns, source.columns.rows, source.check)
    mask = ternary.certain & source.mask
    if not ternary.settled:
        undecided = np.flatnonzero(ternary.possible & source.mask & ~mask)
        satisfies = matcher(tree, source.check)
        source.prefetch(undecided.tolist())
        for row, metadata in source.decoded(undecided):
            mask[row] = satisfies(metadata)
    return mask
