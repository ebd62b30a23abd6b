"""Tables that fit the terminal: long columns are cut, and where no table fits, each row is a block of lines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vectord_client.cli.text import elide, pad, width

_GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column: the key of its values, its heading, and how it may be narrowed.

    `least` is the width to which it may be cut; None keeps it whole. Columns of a higher `rank` are cut first.
    """

    key: str
    heading: str = ""
    right: bool = False
    least: int | None = None
    rank: int = 0

    @property
    def title(self) -> str:
        """The heading, which is the key unless another one was given."""
        return self.heading or self.key


Paint: TypeAlias = Callable[[Column, str], str]


def _unpainted(_: Column, text: str) -> str:
    return text


@dataclass(frozen=True)
class Layout:
    """Columns with their widths in cells; without widths, each row is a block of lines."""

    columns: Sequence[Column]
    widths: Sequence[int] | None
    cells: int
    mark: str = "…"

    @property
    def heading(self) -> str | None:
        """The line of headings; None if rows are blocks, which have the headings themselves."""
        return None if self.widths is None else self._line([column.title for column in self.columns], self.widths)

    def row(self, row: Sequence[str], paint: Paint = _unpainted) -> Iterator[str]:
        """Yield the lines of one row; `paint` may add codes to a cell that take no room."""
        if self.widths is not None:
            yield self._line(row, self.widths, paint)
            return
        label = max(width(column.title) for column in self.columns)
        for column, cell in zip(self.columns, row, strict=True):
            line = f"{pad(column.title, label)}{_GAP}{cell}"
            yield paint(column, line if column.least is None else elide(line, self.cells, self.mark)).rstrip()
        yield ""

    def _line(self, row: Sequence[str], widths: Sequence[int], paint: Paint = _unpainted) -> str:
        parts = (
            paint(column, pad(cell if column.least is None else elide(cell, size, self.mark), size, right=column.right))
            for cell, size, column in zip(row, widths, self.columns, strict=True)
        )
        return _GAP.join(parts).rstrip()


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], cells: int, mark: str = "…") -> Layout:
    """Return a layout for the rows that is at most `cells` wide: columns of the highest rank are cut first."""
    widths = [max(map(width, (column.title, *texts))) for column, *texts in zip(columns, *rows, strict=True)]
    room = cells - len(_GAP) * (len(columns) - 1)
    for at in sorted(range(len(columns)), key=lambda at: -columns[at].rank):
        least, excess = columns[at].least, sum(widths) - room
        if least is not None and excess > 0:
            widths[at] = max(min(least, widths[at]), widths[at] - excess)
    return Layout(columns, widths if sum(widths) <= room else None, cells, mark)
