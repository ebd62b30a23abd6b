"""Run work of a build in a second thread, and make a value in one thread at a time."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from threading import Lock, RLock, Thread
from typing import Final

_MAKING: Final = RLock()  # one for all values, whose types may have parts in common


class Parallel[R]:
    """The result of `work`, which runs in a thread of its own if one can be started.

    The end of the process does not wait for the thread, as it would for one of a ThreadPoolExecutor.
    """

    def __init__(self, work: Callable[[], R], name: str) -> None:
        self._work = work
        self._done: list[R] = []
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name=name, daemon=True)
        with suppress(RuntimeError):  # too many threads, or the process ends
            self._thread.start()

    def result(self) -> R:
        """Wait for the result, or compute it if there is none.

        Raises:
            OSError: the work failed; its temporary files did not fit, or were removed because the process ends.
            MemoryError: the work failed; it needs more memory than there is.
        """
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._done[0] if self._done else self._work()

    def _run(self) -> None:
        try:
            self._done.append(self._work())
        except (OSError, MemoryError) as error:
            self._error = error


def in_two_threads[T](work: Callable[[T], None], tasks: Sequence[T]) -> None:
    """Call `work` for each of `tasks`, in this thread and, if there are several, in a second one.

    Each thread takes the next task when it is free, so the results must not depend on the order of the calls. It helps
    where numpy releases the interpreter lock. What `work` raises is raised; a task that failed in the second thread may
    be repeated in this one.
    """
    remaining, lock, unfinished = iter(enumerate(tasks)), Lock(), dict[int, T]()

    def run() -> bool:
        while True:
            with lock:
                number, task = next(remaining, (-1, None))
                if task is None:
                    return True
                unfinished[number] = task
            work(task)
            with lock:
                del unfinished[number]

    if len(tasks) > 1:
        second = Parallel(run, "vectord-build")
        run()
        second.result()
    else:
        run()
    for task in unfinished.values():
        work(task)


def made_once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that makes a value at its first call and returns it then; one value is made at a time.

    msgspec collects the fields of a type when its first decoder is made. Two threads that do this at once can crash.
    """
    made = cache(make)

    def value() -> T:
        with _MAKING:
            return made()

    return value
