"""How many entries a search in memory must rescore before it finds the true neighbours of held-out queries.

Within the nearest partitions of a query, the number of entries that are nearer to it than a true neighbour, by their
codes, is the number after which a search finds that neighbour. So one pass over the entries gives the recall of all
efforts. More probes examine only the entries that are new with them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.held_out import KS, HeldOutQueries
from vectord.index.sections.parts import Parts

Array = npt.NDArray[np.int64]

NEVER: Final = np.iinfo(np.int64).max  # the entries after which a neighbour outside the probed partitions is found


class EntriesOfRows:
    """Finds where the entries of a row are. A row has one entry, or two if it is spilled."""

    def __init__(self, entry_rows: Array, first_entries: Array) -> None:
        entries = np.argsort(entry_rows, kind="stable")
        ends = np.cumsum(np.bincount(entry_rows))
        self._of_row = entries[ends - np.bincount(entry_rows)], entries[ends - 1]
        self._first_entries = first_entries

    def places(self, rows: Array, rank_of: Array) -> tuple[Array, Array]:
        """Return for each of `rows` the least rank of a partition that has an entry of it, and its place there.

        `rank_of` has the rank of each partition.
        """
        entries = [of_row[rows] for of_row in self._of_row]
        partitions = [np.searchsorted(self._first_entries, entry, "right") - 1 for entry in entries]
        ranks = [rank_of[partition] for partition in partitions]
        places = [entry - self._first_entries[partition] for entry, partition in zip(entries, partitions, strict=True)]
        return np.minimum(*ranks), np.where(ranks[0] <= ranks[1], *places)


class _OfQuery(msgspec.Struct, eq=False):
    """What was measured with one query.

    `counts[b]` is the number of entries whose codes differ from the query in b bits. `codes` has, for each k of KS, in
    how many bits each true neighbour differs, once its first entry was examined. `needed` has for each k of KS one
    array (numbers of probes, k) a pass. `ends` has the number of entries that each number of probes examines.
    """

    counts: Array
    codes: list[Array]
    needed: list[list[Array]]
    ends: list[int]


class RowsNeeded:
    """For a set of queries and ascending numbers of probes, the entries after which each true neighbour is found.

    Of the neighbours of a query that tie with the last, those that are found first count.
    """

    def __init__(self, parts: Parts, queries: HeldOutQueries, entries_of: EntriesOfRows) -> None:
        self._parts, self._queries, self._entries_of = parts, queries, entries_of
        self._rotated = [parts.query(query) for query in queries.vectors]
        values = 64 * parts.layout.words + 1
        self._measured = [
            _OfQuery(
                np.zeros(values, np.int64),
                [np.zeros(len(of_k[number]), np.int64) for of_k in queries.nearest],
                [[] for _ in KS],
                [],
            )
            for number in range(len(self._rotated))
        ]
        self._ranked: list[Array] = []
        self._probes: Sequence[int] = ()
        self._examined = 0  # partitions
        self._sorted: dict[int, Array] = {}  # for each k of KS

    def __len__(self) -> int:
        return len(self._rotated)

    def begin(self, probes: Sequence[int]) -> None:
        """Begin a pass with more numbers of probes, ascending, the first more than the last of the pass before."""
        self._examined, self._probes = self._probes[-1] if self._probes else 0, probes
        self._ranked = self._parts.rank_all(self._rotated, probes[-1])
        self._sorted.clear()

    def measure(self, number: int) -> None:
        """Measure one query with the numbers of probes of this pass."""
        measured, ranked = self._measured[number], self._ranked[number]
        examined = ranked[self._examined :]
        _, codes = self._parts.differing(self._rotated[number], examined)
        counts = self._parts.entry_counts(examined)
        starts = np.concatenate([[0], np.cumsum(counts)])
        ends = starts[np.array(self._probes) - self._examined]
        measured.ends += (ends + (measured.ends[-1] if measured.ends else 0)).tolist()
        nearer = self._nearer(measured, codes, ends)
        rank_of = np.full(self._parts.shape.partitions, NEVER)
        rank_of[ranked] = np.arange(len(ranked))
        for which, (k, of_k) in enumerate(zip(KS, self._queries.nearest, strict=True)):
            ranks, places = self._entries_of.places(of_k[number], rank_of)
            new = np.flatnonzero((ranks >= self._examined) & (ranks < len(ranked)))
            measured.codes[which][new] = codes[starts[ranks[new] - self._examined] + places[new]]
            after = nearer[:, measured.codes[which]] + 1
            after[ranks >= np.array(self._probes)[:, None]] = NEVER
            after.sort(axis=1)
            measured.needed[which].append(after[:, :k])

    @staticmethod
    def _nearer(measured: _OfQuery, codes: npt.NDArray[np.uint16], ends: Array) -> Array:
        """Return for each prefix that ends at one of `ends`, and each code, the number of entries with a lesser code.

        They include the entries of earlier passes.
        """
        values = len(measured.counts)
        nearer = np.zeros((len(ends), values), np.int64)
        start = 0
        for at, end in enumerate(ends.tolist()):
            measured.counts += np.bincount(codes[start:end], minlength=values)
            np.cumsum(measured.counts[:-1], out=nearer[at, 1:])
            start = end
        return nearer

    @property
    def entries(self) -> list[int]:
        """The mean entries of each number of probes."""
        means: list[int] = (np.sum([each.ends for each in self._measured], axis=0) // len(self)).tolist()
        return means

    def least(self, at: int, which: int, recall: float) -> int | None:
        """Return the least entries that reach a recall with the probes of position `at`; None if none does."""
        needed = self._needed(at, which)
        rows = int(needed[max(1, int(np.ceil(recall * len(needed)))) - 1])
        return None if rows == NEVER else rows

    def recall(self, at: int, which: int, limit: int) -> float:
        needed = self._needed(at, which)
        return float(np.searchsorted(needed, limit, "right") / len(needed))

    def _needed(self, at: int, which: int) -> Array:
        """Return the entries that are needed for each true neighbour of all queries, ascending."""
        if which not in self._sorted:
            passes = zip(*(each.needed[which] for each in self._measured), strict=True)
            needed = np.concatenate([np.concatenate(of_queries, axis=1) for of_queries in passes])
            self._sorted[which] = np.sort(needed, axis=1)
        of_probes: Array = self._sorted[which][at]
        return of_probes
