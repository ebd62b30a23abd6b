"""Find the live rows of an index that match a filter: by columns, and by documents where columns do not decide."""

import numpy as np

from vectord.filters.match import matcher
from vectord.filters.tree import Filter, paths
from vectord.index.columns.collect import decode_metadata
from vectord.index.columns.evaluate import evaluate
from vectord.index.query.sources import Source, sources
from vectord.index.rows import Mask, RowMask
from vectord.index.state import Index


def matching_rows(index: Index, tree: Filter) -> RowMask:
    """Return the live rows of `index` that match `tree`.

    Columns settle most rows. The documents of the other rows are read.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` raises.
    """
    base, tail = np.zeros(0, np.bool_), np.zeros(len(index.tail.ids), np.bool_)
    for source in sources(index, index.live):
        if source.first == 0 and index.base:
            base = _mask(tree, source)
        else:
            tail = _mask(tree, source)
    return RowMask(base, tail, filtered=True)


def _mask(tree: Filter, source: Source) -> Mask:
    ternary = evaluate(tree, source.columns.read(paths(tree), source.fetch), source.columns.rows)
    mask = ternary.certain & source.mask
    if not ternary.settled:
        undecided = np.flatnonzero(ternary.possible & source.mask & ~mask)
        satisfies = matcher(tree)
        documents = source.read(undecided.tolist())
        mask[undecided] = [satisfies(decode_metadata(document.metadata)) for document in documents]
    return mask
