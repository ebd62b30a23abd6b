"""The recall by ranges that a build measures is that of searches which read the same partitions and rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.datasets import gaussian
from tests.support.partitions import divided
from vectord.index.build.held_out import KS, HeldOutQueries
from vectord.index.build.ranges_needed import RangesNeeded, near_any
from vectord.index.query.coalescing import within_reach
from vectord.index.query.planner import ROWS_PER_REQUEST
from vectord.index.query.prefetch import rows_within_budget

ROWS, DIMENSION, PARTITIONS, QUERIES = 15_000, 2_048, 250, 40
PROBES, REQUESTS = (10, 30, 42), 12
ROW_BYTES = 12 + 4 * DIMENSION


@pytest.mark.slow
def test_it_is_the_recall_of_searches_that_read_the_same() -> None:
    case = divided(gaussian(ROWS, DIMENSION, 1), PARTITIONS, "cosine", seed=1)
    parts, queries = case.opened(), case.vectors[::375] + 0.5 * gaussian(QUERIES, DIMENSION, 2)
    stored = case.vectors / np.linalg.norm(case.vectors, axis=1)[:, None]
    by_distance = np.argsort(-(queries @ stored.T), axis=1)
    nearest = tuple([np.sort(of_query[:k]) for of_query in by_distance] for k in KS)
    table = RangesNeeded(parts, HeldOutQueries(queries, nearest, [np.empty(0, np.int64)] * QUERIES), PROBES, ROW_BYTES)
    for task in table.tasks:
        table.measure(task)
    left_out = 0
    for at, probes in enumerate(PROBES):
        entries, recalls = 0, []
        for query, true in zip(queries, nearest[0], strict=True):
            rotated = parts.query(query)
            ranked = parts.rank(rotated, probes)
            read = np.array(within_reach(ranked.tolist(), parts.code_starts.tolist()))
            left_out += len(np.setdiff1d(ranked, read))
            entries += int(parts.entry_counts(read).sum())
            rows, _ = parts.estimated(rotated, read, ROWS_PER_REQUEST * REQUESTS, k=KS[0])
            found = rows_within_budget(rows, ROW_BYTES, REQUESTS)
            recalls.append(len(np.intersect1d(found, true)) / KS[0])
        assert table.entries[at] == entries // QUERIES
        # A search also reads the next row beyond the likely ones. A fifth of what is missing is the margin.
        mean = float(np.mean(recalls))
        assert mean - 0.2 * (1 - mean) - 0.01 <= table.recall(at, 0, REQUESTS) <= mean
    assert left_out > 100  # otherwise this would not test partitions that are out of reach


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 60), st.integers(0, 999))
def test_the_estimates_that_any_number_of_probes_needs_are_kept(
    partitions: int, numbers: int, wanted: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    of_estimate = np.repeat(np.arange(partitions), counts := rng.integers(0, 9, partitions))
    estimates, read = rng.integers(0, 99, len(of_estimate)).astype(np.float64), rng.random((numbers, partitions)) < 0.5
    read[np.arange(numbers)[:, None] > rng.integers(0, numbers, partitions)] = True  # more probes read more, mostly
    kept = near_any(estimates, read, of_estimate, read @ counts, wanted)
    assert kept.tolist() == sorted(set(kept.tolist()))
    for partitions_read in read:
        of_probes = np.flatnonzero(partitions_read[of_estimate])
        least = np.sort(estimates[of_probes])[:wanted]
        assert np.sort(estimates[np.intersect1d(of_probes, kept)])[:wanted].tolist() == least.tolist()


def test_few_other_estimates_are_kept() -> None:
    rng = np.random.default_rng(1)
    of_estimate, read = np.repeat(np.arange(400), 60), np.tri(400, dtype=np.bool_)[3::20]
    estimates = of_estimate / 400 + rng.random(len(of_estimate))
    assert len(near_any(estimates, read, of_estimate, read.sum(axis=1) * 60, 500)) < 2_500
