"""Calls of one function in several threads: results in order, the first error, and every call made once."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Lock, Thread, current_thread

import pytest

from vectord.errors import StoreUnavailable
from vectord.storage.workers import Workers


def test_results_are_in_the_order_of_the_values() -> None:
    assert Workers(4, "test").map(lambda value: value * 2, range(100)) == list(range(0, 200, 2))
    assert Workers(4, "test").map(str, list[int]()) == []


def test_as_many_calls_run_at_once_as_the_limit_allows() -> None:
    together = Barrier(4)
    Workers(4, "test").map(lambda _: together.wait(10), range(8))  # fewer threads would wait in vain


def test_no_more_calls_run_at_once() -> None:
    running, most, lock = 0, 0, Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    Workers(3, "test").map(work, range(12))
    assert most == 3


def names(workers: Workers) -> set[str]:
    together = Barrier(3)

    def name(_: int) -> str:
        together.wait(10)
        return current_thread().name

    return set(workers.map(name, range(3)))


def test_threads_are_kept_for_the_next_calls() -> None:
    workers = Workers(3, "test")
    assert names(workers) == names(workers) == {current_thread().name, "test-0", "test-1"}


def test_the_first_error_in_the_order_of_the_values_is_raised_when_all_calls_have_ended() -> None:
    ended = []

    def work(value: int) -> None:
        ended.append(value)
        if value in (3, 7):
            raise StoreUnavailable(f"value {value}")

    with pytest.raises(StoreUnavailable, match="value 3"):
        Workers(4, "test").map(work, range(10))
    assert sorted(ended) == list(range(10))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_ends_its_thread_with_another_error_is_repeated_by_the_caller() -> None:
    workers, caller, together = Workers(2, "failing"), current_thread(), Barrier(2)

    def fail_in_another_thread(value: int) -> int:
        if not together.broken:
            with suppress(BrokenBarrierError):
                together.wait(10)
        together.abort()
        if current_thread() is not caller:
            raise ZeroDivisionError
        return value

    assert workers.map(fail_in_another_thread, range(2)) == [0, 1]
    for thread in threading.enumerate():
        if thread.name == "failing-0":
            thread.join(10)
    assert workers.map(str, range(5)) == list("01234")
    with pytest.raises(ZeroDivisionError):
        workers.map(lambda value: 1 / value, [0])


def test_without_any_new_thread_the_caller_makes_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    used: Sequence[str] = Workers(4, "test").map(lambda _: current_thread().name, range(5))
    assert set(used) == {current_thread().name}
