"""CSV: a line of names, then a row a line; the vector as a JSON array or as base64."""

import csv
import io
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final, cast

import msgspec

from vectord_client.load.errors import SourceUnreadable
from vectord_client.load.sources.files import Opened, check_utf8, ends_with
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.fields import Names, check_names, metadata_names
from vectord_client.rows.ids import is_text
from vectord_client.rows.json_values import NotJson
from vectord_client.rows.metadata import checked_text, json_texts
from vectord_client.rows.pack import Shape

_ROWS: Final = 512  # a block
_LONGEST: Final = 16 << 20  # characters of a cell
_VECTOR: Final = msgspec.json.Decoder(list[float])
_SCALAR: Final = msgspec.json.Decoder(int | float | bool)


class Csv:
    """A file `.csv`, or `.tsv` with tabs, in UTF-8. Positions count rows from 0, without the line of names.

    A cell of metadata that is a number, true or false of JSON is one; others are text, and empty cells are left out.
    """

    total = None
    plain = False

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check, self.close = opened.check, opened.close
        self._delimiter = "\t" if ends_with(opened, ".tsv") else ","

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of the file."""
        with closing(self.lines()) as lines:
            header = next(lines)
            found = check_names(header, names, "file")
            start = 0
            while rows := list(islice(lines, _ROWS)):
                yield _block(start, rows, header, found, shape)
                start += len(rows)

    def lines(self) -> Generator[list[str], None, None]:
        """Yield the cells of each line that is not blank, first the names of the columns.

        Raises:
            SourceUnreadable: the file is empty, or not CSV in UTF-8.
        """
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST))
        binary = cast("Any", self._opened.file)
        check_utf8(self.name, binary.read(4))
        binary.seek(0)
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            rows = csv.reader(text, delimiter=self._delimiter, strict=True)
            header = next(rows, None)
            if header is None:
                raise SourceUnreadable(f"{self.name} is empty: its first line must have the names of its columns.")
            yield header
            yield from filter(None, rows)
        except csv.Error as error:
            self.check()
            raise SourceUnreadable(f"{self.name} is not CSV: {error}.") from error
        finally:
            text.detach()


def _block(start: int, rows: list[list[str]], header: list[str], names: Names, shape: Shape) -> Block:
    reasons: Reasons = {place: wrong_length(row, header) for place, row in enumerate(rows) if len(row) != len(header)}
    places = {name: place for place, name in enumerate(header)}
    filled = [row if place not in reasons else [""] * len(header) for place, row in enumerate(rows)]
    _refuse_other_encodings(filled, reasons)
    vectors = [_vector(row[places[names.vector]], reasons, place) for place, row in enumerate(filled)]
    selected = metadata_names(header, names)
    if isinstance(selected, str):
        texts = [_whole(row[places[selected]], reasons, place) for place, row in enumerate(filled)]
    else:
        objects = ({name: scalar(row[places[name]]) for name in selected if row[places[name]]} for row in filled)
        texts = json_texts([one or None for one in objects], reasons)
    ids = [row[places[names.id]] for row in filled]
    return assemble(Columns(range(start, start + len(rows)), ids, vectors, texts), shape, reasons)


def _refuse_other_encodings(rows: list[list[str]], reasons: Reasons) -> None:
    """Add a reason for each row with bytes that are not UTF-8, which the file was opened to keep as surrogates."""
    for place, row in enumerate(rows):
        if not is_text("".join(row)):
            reasons.setdefault(place, _NOT_UTF8)


_NOT_UTF8: Final = "the row is not text in UTF-8; convert the file, for example with iconv -f LATIN1 -t UTF-8"


def wrong_length(row: list[str], header: list[str]) -> str:
    """Return the reason why a row with another number of cells than names is refused."""
    return f"the row has {len(row)} cells, and the first line has {len(header)} names"


def _vector(cell: str, reasons: Reasons, place: int) -> list[float] | str | None:
    if not cell.startswith("["):
        return cell or None
    try:
        return _VECTOR.decode(cell)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        reasons.setdefault(place, f"the vector is not a JSON array of numbers: {error}")
        return None


def _whole(cell: str, reasons: Reasons, place: int) -> bytes | None:
    try:
        return checked_text(cell.encode()) if cell else None
    except (NotJson, UnicodeEncodeError) as error:
        reasons.setdefault(place, str(error))
        return None


def scalar(cell: str) -> Any:
    """Return the number, true or false of JSON that a cell is, or the text itself."""
    try:
        return _SCALAR.decode(cell)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return cell
