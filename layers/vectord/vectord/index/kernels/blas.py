"""One thread of BLAS for the products of a build, which has two threads of its own.

Threads of OpenBLAS wait for each other in loops: on a machine with other work, a product takes up to 10 times as long
with two of them as with one. Sums in another order would also give other bits. The number of threads is one for the
whole process, so other products of the process have one thread, too, while a build runs.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Final

import msgspec

_PREFIXES: Final = ("scipy_openblas", "openblas")  # of numpy's wheels; of other builds of numpy
_SUFFIXES: Final = ("64_", "")  # with and without integers of 64 bits

_lock: Final = Lock()


class _Users(msgspec.Struct):
    """How many builds run, and the number of threads before the first of them."""

    count: int = 0
    threads: int = 1


_users: Final = _Users()


class _OpenBlas(msgspec.Struct, frozen=True):
    threads: Callable[[], int]
    set_threads: Callable[[int], object]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS compute in the calling thread, if it is OpenBLAS; its number of threads is restored afterwards."""
    blas = _open_blas()
    if blas is None:
        yield
        return
    with _lock:
        if not _users.count:
            _users.threads = blas.threads()
            blas.set_threads(1)
        _users.count += 1
    try:
        yield
    finally:
        with _lock:
            _users.count -= 1
            if not _users.count:
                blas.set_threads(_users.threads)


def has_one_thread() -> bool:
    """Return True if BLAS is known to compute in the calling thread."""
    blas = _open_blas()
    return blas is not None and blas.threads() == 1


@cache
def _open_blas() -> _OpenBlas | None:
    """Return the functions of the OpenBLAS that numpy is linked with; None for another BLAS."""
    # The lookup also finds the symbols of the libraries that numpy's own library is linked with.
    library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            threads = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
            set_threads = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
            if threads and set_threads:
                return _OpenBlas(threads, set_threads)
    return None
