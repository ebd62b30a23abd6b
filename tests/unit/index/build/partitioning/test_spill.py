"""SOAR: the second partition of a row is near it, in another direction than the first."""

import numpy as np

from tests.support import datasets
from vectord.index.build.partitioning.spill import NO_PARTITION, Assigner

ROWS = datasets.gaussian(300, 32, 1)
CENTROIDS = datasets.gaussian(20, 32, 2) / 2


def test_the_first_partition_is_that_of_the_nearest_centroid() -> None:
    first, _ = Assigner(CENTROIDS, spill=True).assign(ROWS)
    distances = np.linalg.norm(ROWS[:, None] - CENTROIDS, axis=2)
    assert first.tolist() == distances.argmin(axis=1).tolist()


def test_the_second_partition_has_the_least_loss_of_the_others() -> None:
    first, second = Assigner(CENTROIDS, spill=True).assign(ROWS)
    for row, own, other in zip(ROWS.astype(np.float64), first, second, strict=True):
        residual, others = row - CENTROIDS[own], row - CENTROIDS
        loss = (others**2).sum(axis=1) + 2 * (others @ residual) ** 2 / (residual @ residual)
        loss[own] = np.inf
        assert other == loss.argmin()


def test_a_second_centroid_may_be_farther_than_the_next_one() -> None:
    row = np.zeros((1, 2), np.float32)
    centroids = np.array([[1, 0], [1.1, 0], [0, 1.2]], np.float32)
    assert [numbers.tolist() for numbers in Assigner(centroids, spill=True).assign(row)] == [[0], [2]]


def test_a_row_that_equals_its_centroid_has_no_second_partition() -> None:
    first, second = Assigner(CENTROIDS, spill=True).assign(CENTROIDS)
    assert first.tolist() == list(range(20))
    assert second.tolist() == [NO_PARTITION] * 20


def test_without_spilling_and_with_one_centroid_there_is_no_second_partition() -> None:
    for assigner in (Assigner(CENTROIDS, spill=False), Assigner(CENTROIDS[:1], spill=True)):
        assert set(assigner.assign(ROWS)[1].tolist()) == {NO_PARTITION}


def test_the_partitions_of_a_row_do_not_depend_on_how_many_rows_are_assigned_together() -> None:
    rows, assigner = datasets.gaussian(1_200, 24, 1), Assigner(datasets.gaussian(300, 24, 2), spill=True)
    together = assigner.assign(rows)
    apart = [assigner.assign(rows[start : start + 100]) for start in range(0, len(rows), 100)]
    for number in range(2):
        assert together[number].tolist() == np.concatenate([each[number] for each in apart]).tolist()
