"""Console output: a line with the time of each step, a progress bar, a table. No colours if it is not a terminal."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_TTY = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_LABEL, _TEXT, _BAR = 12, 58, 30


class Step:
    """A step in progress; `note` is a result to print beside its time."""

    def __init__(self) -> None:
        self.note = ""


@contextmanager
def step(label: str, text: str) -> Iterator[Step]:
    """Print what the block does, and on the same line its time in seconds and the step's note."""
    print(f"  {_paint('1', label.ljust(_LABEL))} {text.ljust(_TEXT)}", end="", flush=True)
    started = time.perf_counter()
    state = Step()
    try:
        yield state
    except BaseException:
        print(_paint("31", "  failed"), flush=True)
        raise
    print(f" {_seconds(started)}  {_paint('2', state.note)}".rstrip(), flush=True)


class Progress:
    """A progress bar: one line that is rewritten on a terminal, else one line for each quarter."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self._label, self._total, self._unit = label.ljust(_LABEL), total, unit
        self._started, self._quarter = time.perf_counter(), 0
        self.update(0)

    def update(self, done: int) -> None:
        """Show that `done` of the total are complete."""
        filled = _BAR * done // self._total
        bar = f"[{'#' * filled}{'.' * (_BAR - filled)}] {done:,} of {self._total:,} {self._unit}"
        line = f"  {_paint('1', self._label)} {bar.ljust(_TEXT)} {_seconds(self._started)}"
        last = done == self._total
        if _TTY:
            print(f"\r{line}", end="\n" if last else "", flush=True)
        elif 4 * done // self._total > self._quarter:
            self._quarter = 4 * done // self._total
            print(line, flush=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headers; each column is as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    print("\n  " + _paint("1", _row(headers, widths)))
    for row in rows:
        print("  " + _row(row, widths))
    print(flush=True)


def columns_for(width_each: int, beside: int, most: int) -> int:
    """Return how many columns of `width_each` fit beside `beside` characters on this terminal: 1 to `most`."""
    width = shutil.get_terminal_size(fallback=(140, 24)).columns
    return max(1, min(most, (width - beside) // width_each))


def fit(text: str, width: int) -> str:
    """Shorten a text to a width."""
    return text if len(text) <= width else text[: width - 1] + "…"


def say(message: str) -> None:
    """Print a message after an empty line."""
    print(f"\n{message}", flush=True)


def fail(message: str) -> None:
    """Print the message of a failure to stderr."""
    print(f"\n{_paint('31', 'failed:')} {message}", file=sys.stderr, flush=True)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _seconds(started: float) -> str:
    return f"{time.perf_counter() - started:6.1f} s"


def _paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if _TTY and text else text
