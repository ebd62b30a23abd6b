"""The postings of one field of texts as arrays, and how those of several sections are merged.

A posting says that a row has a term, and how often. The list of a term are its postings, by ascending rows.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

_KEY_BITS: Final = 63  # of a number of 64 bits that is not negative


class Postings(msgspec.Struct, frozen=True, eq=False):
    """The postings of n rows. Equal texts in equal rows have equal arrays, in whatever order they came.

    `terms` ascend by their bytes and are distinct. `starts` (terms + 1,) has where the list of each term starts in
    `rows` and `counts`, uint32, and their length. `lengths`, uint32 (n,), has the number of tokens of each row.

    In postings of `sparse` vectors a term is an index, a count has the bits of a float32 value, and all lengths are 0.
    """

    terms: Sequence[bytes]
    starts: Array
    rows: U32
    counts: U32
    lengths: U32
    sparse: bool = False

    @property
    def frequencies(self) -> Array:
        """The number of rows that have each term, int64 (terms,)."""
        return np.diff(self.starts)


class Source(NamedTuple):
    """The postings of a section that is merged, and the new number of each of its rows, negative for a removed one."""

    postings: Postings
    new_rows: Array


def merge(sources: Sequence[Source], rows: int) -> Postings:
    """Return the postings of the `rows` rows that remain, as an analysis of their texts gives them."""
    distinct = sorted(set().union(*(source.postings.terms for source in sources)))
    rank_of = {term: rank for rank, term in enumerate(distinct)}
    lengths, keys, counts = np.zeros(rows, np.uint32), list[Array](), list[U32]()
    for postings, new_rows in sources:
        ranks = np.fromiter(map(rank_of.__getitem__, postings.terms), np.int64, len(postings.terms))
        moved, kept = new_rows[postings.rows], new_rows >= 0
        lengths[new_rows[kept]] = postings.lengths[kept]
        remains = moved >= 0
        keys.append((np.repeat(ranks * rows, postings.frequencies) + moved)[remains])
        counts.append(postings.counts[remains])
    sparse = any(source.postings.sparse for source in sources)
    return _of_keys(distinct, np.concatenate(keys), np.concatenate(counts).astype(np.int64), lengths, sparse=sparse)


def _of_keys(terms: Sequence[bytes], keys: Array, counts: Array, lengths: U32, *, sparse: bool) -> Postings:
    """Return the postings of distinct keys: the position of a term times the number of rows, plus a row."""
    keys, counts = _sorted(keys, counts)
    ranks, rows = np.divmod(keys, max(1, len(lengths)))
    starts = np.searchsorted(ranks, np.arange(len(terms) + 1))
    used = np.flatnonzero(np.diff(starts))  # a term of removed rows alone has no postings
    if len(used) < len(terms):
        terms, starts = [terms[at] for at in used.tolist()], np.append(starts[used], len(ranks))
    return Postings(terms, starts, rows.astype(np.uint32), counts.astype(np.uint32), lengths, sparse)


def _sorted(keys: Array, counts: Array) -> tuple[Array, Array]:
    """Return keys, ascending, and the count of each."""
    if not len(keys):
        return keys, counts
    bits = int(counts.max()).bit_length()
    if int(keys.max()).bit_length() + bits <= _KEY_BITS:  # one array is sorted in less time than the order of another
        both = np.sort(keys << bits | counts)
        return both >> bits, both & ((1 << bits) - 1)
    order = np.argsort(keys, kind="stable")
    return keys[order], counts[order]
