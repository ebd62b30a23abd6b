"""What a command prints: tables on a terminal, one JSON object a line anywhere else."""

import json
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any, BinaryIO

from vectord_client.cli.tables import Column, Paint, lay_out
from vectord_client.cli.text import printable

# C1 controls, DEL and marks of direction: valid in JSON, but a terminal would obey them.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_BOLD = "1"
_MARKED = "metadata"  # the column in which words are bold
_FIRST_UNSPACED = "\u0e01"  # Thai, Lao, Khmer, Burmese and those of East Asia; a few with spaces are among them
_SAMPLE = 100  # rows from which a table takes its widths, so that a long listing needs no memory


class Output:
    """Standard output in one of two forms, and notes on standard error."""

    def __init__(self, *, as_json: bool | None = None) -> None:
        self._terminal = sys.stdout.isatty()
        self.as_json = not self._terminal if as_json is None else as_json
        self._encoding = sys.stdout.encoding or "utf-8"
        self._mark = "…" if _encodes("…", self._encoding) else "..."
        self._colours = self._terminal and colours_wanted()

    @property
    def width(self) -> int:
        """The terminal's width in cells; 0 and other nonsense count as 80."""
        return max(10, shutil.get_terminal_size((80, 24)).columns)

    def records(
        self,
        columns: Sequence[Column],
        records: Iterable[Mapping[str, Any]],
        *,
        empty: str = "",
        bold: Iterable[Collection[str]] = (),
    ) -> int:
        """Print records and return their number: JSON objects, or a table as wide as its first 100 rows need.

        In a table, the words that `bold` has for each record are bold in its metadata.
        """
        if self.as_json:
            count = 0
            for record in records:
                self._line(record)
                count += 1
            return count
        return self._table(columns, iter(records), empty, bold)

    def fields(self, record: Mapping[str, Any]) -> None:
        """Print one record: a JSON object, or one line for each field that has a value."""
        if self.as_json:
            self._line(record)
            return
        shown = {
            key.replace("_", " "): self._cell(value) for key, value in record.items() if value not in (None, {}, [])
        }
        label = max(map(len, shown), default=0)
        for key, cell in shown.items():
            _put(f"{self._painted(key.ljust(label), _BOLD)}  {cell}")

    def value(self, record: Mapping[str, Any], text: str) -> None:
        """Print a JSON object, or on a terminal the text that says the same."""
        if self.as_json:
            self._line(record)
        else:
            self.text(text)

    def summary(self, text: str) -> None:
        """Print a sentence below a table; JSON lines have none."""
        if not self.as_json:
            self.text(text)

    def text(self, text: str) -> None:
        """Print a line of text to standard output."""
        _put("\n".join(printable(line, self._encoding) for line in text.split("\n")))

    def marked(self, mark: str, colour: str, text: str) -> None:
        """Print a coloured mark and a text, whose later lines stand below its first one."""
        first, *more = (printable(line, self._encoding) for line in text.split("\n"))
        _put(f"{self._painted(mark, colour)}  {first}")
        for line in more:
            _put(f"{'':{len(mark)}}  {line}")

    def _line(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=False, separators=(", ", ": "))
        if self._terminal:
            line = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
        # JSON is UTF-8, whatever the encoding of the locale.
        binary_output().write(line.encode("utf-8", "backslashreplace") + b"\n")

    def _table(
        self,
        columns: Sequence[Column],
        records: Iterator[Mapping[str, Any]],
        empty: str,
        bold: Iterable[Collection[str]],
    ) -> int:
        rows = ([self._cell(record.get(column.key)) for column in columns] for record in records)
        sample = list(islice(rows, _SAMPLE))
        if not sample:
            self.text(empty)
            return 0
        layout, count = lay_out(columns, sample, self.width, self._mark), 0
        if layout.heading is not None:
            _put(self._painted(layout.heading, _BOLD))
        for row, words in zip(chain(sample, rows), chain(bold, repeat(())), strict=False):
            for line in layout.row(row, self._emphasis(words)):
                _put(line)
            count += 1
        return count

    def _emphasis(self, words: Collection[str]) -> Paint:
        """Return what makes words bold in a cell of metadata, in which they are written as in JSON."""
        shown = sorted(map(self._cell, words), key=len, reverse=True)
        pattern = re.compile("|".join(map(_whole, shown)) or "(?!)")

        def paint(column: Column, text: str) -> str:
            return pattern.sub(lambda found: self._painted(found[0], _BOLD), text) if column.key == _MARKED else text

        return paint

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float):
            return f"{value:.4f}"
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return printable(text, self._encoding)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def _whole(word: str) -> str:
    """Return a pattern for a word that is not a part of another one; scripts without spaces do not show that."""
    return re.escape(word) if word[0] >= _FIRST_UNSPACED else rf"(?<!\w){re.escape(word)}(?!\w)"


def binary_output() -> BinaryIO:
    """Return standard output for bytes, behind all text that was printed."""
    sys.stdout.flush()
    return sys.stdout.buffer


def say(text: str) -> None:
    """Print a note for people to standard error: progress, questions, errors."""
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write("\n".join(printable(line, encoding) for line in text.split("\n")) + "\n")
    sys.stderr.flush()


def colours_wanted() -> bool:
    """Return False if the environment asks for plain text: NO_COLOR (no-color.org) or a dumb terminal."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _put(line: str) -> None:
    sys.stdout.write(line + "\n")


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
