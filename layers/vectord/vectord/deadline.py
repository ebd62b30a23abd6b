"""The check of a request's deadline in loops that may take long.

The code below the service has no clock. It gets a function that raises `DeadlineExceeded` after the deadline of the
request, and calls it between steps that each take less than about 0.2 s.
"""

from collections.abc import Callable, Iterator, Sequence

type DeadlineCheck = Callable[[], None]


def no_deadline() -> None:
    """Do nothing: the check of work that has no deadline."""


def checked[T](items: Sequence[T], check: DeadlineCheck, every: int) -> Iterator[T]:
    """Yield each item; check the deadline before the first item, and again after every `every` items."""
    for start in range(0, len(items), every):
        check()
        yield from items[start : start + every]
