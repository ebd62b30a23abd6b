"""Two threads do each task once, and an error of either is raised."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, current_thread

import pytest

from vectord.parallel import Parallel, in_two_threads, made_once


def test_each_task_is_done_once() -> None:
    done: list[int] = []
    in_two_threads(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_two_tasks_run_at_the_same_time() -> None:
    both = Barrier(2)
    in_two_threads(lambda _: both.wait(10), [1, 2])  # a thread alone would wait in vain


def test_a_single_task_needs_no_second_thread() -> None:
    names: list[str] = []
    in_two_threads(lambda _: names.append(current_thread().name), [1])
    assert names == [current_thread().name]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [MemoryError, OSError, ValueError])
def test_an_error_of_the_second_thread_is_raised(error: type[Exception]) -> None:
    both, caller = Barrier(2), current_thread()
    failed: list[int] = []

    def work(task: int) -> None:
        if task in failed:
            raise error
        both.wait(10)
        if current_thread() is not caller:
            failed.append(task)
            raise error

    with pytest.raises(error):
        in_two_threads(work, [1, 2])


def test_parallel_returns_the_result_of_its_work() -> None:
    assert Parallel(lambda: 7, "test").result() == 7


def test_values_are_made_once_and_one_at_a_time() -> None:
    together = Barrier(2)

    def make() -> object:
        with pytest.raises(BrokenBarrierError):  # a second thread that makes a value would pass the barrier
            together.wait(0.05)
        together.reset()
        return object()

    one, other = made_once(make), made_once(make)
    with ThreadPoolExecutor(4) as threads:
        values = list(threads.map(lambda get: get(), [one, other] * 4))
    assert len(set(values)) == 2
