"""One thread of BLAS while a build runs, and its number of threads restored afterwards."""

from collections.abc import Iterator
from threading import Barrier, Thread

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.build.partitioning.partition import partition
from vectord.index.kernels import blas
from vectord.index.kernels.blas import has_one_thread, one_blas_thread

THREADS = 2


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """Give OpenBLAS two threads, as in a process without OPENBLAS_NUM_THREADS."""
    functions = blas._open_blas()
    if functions is None:
        pytest.skip("numpy is not linked with OpenBLAS")
    before = functions.threads()
    functions.set_threads(THREADS)
    yield
    functions.set_threads(before)


def test_blas_has_one_thread_inside_and_its_own_number_outside() -> None:
    assert not has_one_thread()
    with one_blas_thread():
        assert has_one_thread()
        with one_blas_thread():
            assert has_one_thread()
        assert has_one_thread()
    assert not has_one_thread()


def test_the_number_of_threads_is_restored_after_an_error() -> None:
    with pytest.raises(MemoryError), one_blas_thread():
        raise MemoryError
    assert not has_one_thread()


def test_the_last_of_several_builds_restores_the_number_of_threads() -> None:
    inside, first_left = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def second_build() -> None:
        with one_blas_thread():
            inside.wait()
            first_left.wait()

    thread = Thread(target=second_build)
    thread.start()
    with one_blas_thread():
        inside.wait()
    while_the_second_runs = has_one_thread()
    first_left.wait()
    thread.join()
    assert while_the_second_runs
    assert not has_one_thread()


def test_partitions_do_not_depend_on_the_number_of_threads_before_a_build() -> None:
    vectors = datasets.textlike(64)(np.random.default_rng(5), 6_000)
    with one_blas_thread():
        first = partition(vectors, "cosine")
    functions = blas._open_blas()
    assert functions
    functions.set_threads(1)
    assert partition(vectors, "cosine").order.tolist() == first.order.tolist()
