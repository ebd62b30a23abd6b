"""Whether scores are exact: against the oracle, and after adds and removals against an index that was just built."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.text import indexes
from bench.text.figures import Check
from bench.text.indexes import Passages
from bench.text.libraries.library import K
from bench.text.oracle import Oracle
from vectord.index.codec import decode
from vectord.index.state import Index

_ERROR: Final = 1e-9
_ADDS, _ADDED, _REMOVED_SHARE = 31, 100, 0.06
_SEED: Final = 20_261_130


def against_oracle(index: Index, queries: Sequence[str], oracle: Oracle) -> Check:
    """Return in how many queries a match or its score is not that of the oracle."""
    differ = sum(_differs(index, query, oracle) for query in queries)
    return Check(f"queries of {len(queries)} that differ from the oracle by more than 1e-9", differ, 0)


def _differs(index: Index, query: str, oracle: Oracle) -> bool:
    true = oracle.best(query, K)
    scores, found = dict(true), indexes.found_by_words(index, query, K)
    if len(found) != min(K, len(true)):
        return True
    relevances = [match.relevance for match in found]
    expected = [score for _, score in true[:K]]
    return any(
        relevance is None
        or abs(relevance - scores.get(int(match.id), np.inf)) > _ERROR
        or abs(relevance - score) > _ERROR
        for match, relevance, score in zip(found, relevances, expected, strict=True)
    )


def against_fresh(some: Passages, queries: Sequence[str]) -> Check:
    """Return in how many queries an index in use answers in other bits than one of the same rows that was just built.

    The index in use was built without its last passages, which adds of 100 add; then 6 % of all are removed.
    """
    count = len(some.numbers)
    adds = min(_ADDS * _ADDED, count // 4)
    gone = np.random.default_rng(_SEED).choice(count, int(count * _REMOVED_SHARE), replace=False)
    blob = indexes.built(some.some(range(count - adds)))
    blob = indexes.added(blob, some.some(range(count - adds, count)), _ADDED)
    used = decode.open_blob(indexes.removed(blob, [indexes.id_of(row) for row in gone.tolist()]))
    kept = np.setdiff1d(np.arange(count), gone).tolist()
    fresh = decode.open_blob(indexes.built(some.some(kept)))
    differ = sum(_answer(used, query) != _answer(fresh, query) for query in queries)
    about = f"{used.base_rows:,} rows and {len(used.tail.pieces)} pieces with {len(used.tail):,}, {len(gone):,} removed"
    return Check(f"queries of {len(queries)} that a build changes in any bit", differ, 0, note=about)


def _answer(index: Index, query: str) -> list[tuple[str, float | None]]:
    return [(match.id, match.relevance) for match in indexes.found_by_words(index, query, K)]
