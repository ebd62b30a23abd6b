"""Work in threads: its metrics and its errors."""

import time

import pytest

from vectord.errors import (
    StorageSilent,
)
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.values.environment import Environment


def test_the_counts_of_failed_work_are_those_of_its_own_request_and_not_of_a_later_one() -> None:
    pool = WorkerPool(Environment(), 1)

    def fails(_: int) -> None:
        pool.environment.meter.add("Commits")
        raise StorageSilent

    with pytest.raises(StorageSilent):
        pool.map(fails, [0])
    assert pool.environment.meter.drain() == {"Commits": 1}
    pool.map(lambda _: None, [0])
    assert pool.environment.meter.drain() == {}


def test_an_error_is_raised_after_all_work_has_ended() -> None:
    pool, ended = WorkerPool(Environment(), 2), []

    def work(item: int) -> None:
        if item == 0:
            raise StorageSilent
        time.sleep(0.05)
        ended.append(item)

    with pytest.raises(StorageSilent):
        pool.map(work, [0, 1, 2])
    assert sorted(ended) == [1, 2]
