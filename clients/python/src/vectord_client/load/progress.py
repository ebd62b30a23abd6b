"""Show the progress of a load or an export: a bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

# True: a bar. False: nothing. None: a bar if stderr is a terminal. A function gets what is done and what is to be done.
Progress: TypeAlias = bool | Callable[[int, int | None], None] | None


class Meter(Protocol):
    """A display of progress."""

    def set(self, done: int) -> None:
        """Show that `done` units are done."""

    def close(self) -> None:
        """Finish the line."""


class _Silent:
    def set(self, done: int) -> None:
        del done

    def close(self) -> None:
        pass


class _Function:
    def __init__(self, function: Callable[[int, int | None], None], total: int | None) -> None:
        self._function, self._total = function, total

    def set(self, done: int) -> None:
        self._function(done, self._total)

    def close(self) -> None:
        pass


class _Bar:
    def __init__(self, label: str, total: int | None, unit: str) -> None:
        from tqdm.auto import tqdm  # noqa: PLC0415  only terminals need it

        self._bar: Any = tqdm(
            total=total, desc=label, unit=unit, unit_scale=True, file=sys.stderr, dynamic_ncols=True, smoothing=0.1
        )

    def set(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def meter(progress: Progress, label: str, total: int | None, unit: str = " rows") -> Meter:
    """Return what shows the progress; `total` is None if it is not known."""
    if callable(progress):
        return _Function(progress, total)
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    return _Bar(label, total, unit) if progress else _Silent()
