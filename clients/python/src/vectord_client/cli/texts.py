"""Load rows whose vectors are made from texts by the model that the index records."""

import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

import click

from vectord_client.cli.inputs import Place, ending_of
from vectord_client.errors import BadItem, BatchInvalid
from vectord_client.index import Index
from vectord_client.load.errors import BadRows
from vectord_client.load.progress import meter
from vectord_client.load.report import LoadReport, Tally
from vectord_client.load.sources.files import Opened, open_file
from vectord_client.load.sources.jsonl import JsonLines, Line
from vectord_client.load.sources.table import Csv, scalar, wrong_length
from vectord_client.rows.block import InvalidRows
from vectord_client.rows.fields import Names

_BATCH: Final = 256  # texts of one request
_JSON_LINES: Final = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_TABLES: Final = (".csv", ".tsv")
_FORMATS: Final = "texts are read from JSON lines (.jsonl, .ndjson, also with .gz), .csv and .tsv"

# The positions of rows with their fields, or with the reason why a row has none.
_Fields: TypeAlias = Generator[tuple[int, dict[str, Any] | str], None, None]


@dataclass(frozen=True)
class TextRow:
    """A row whose vector is made from a text."""

    position: int
    id: str
    text: str
    metadata: Any


def load_texts(index: Index, place: Place, names: Names, *, strict: bool) -> LoadReport:
    """Add the rows of a file in batches. A repeat replaces the rows, so an interrupted load is run again as a whole.

    Raises:
        BadRows: `strict`, and a row is not valid.
        click.UsageError: texts are not read from files of this format.
    """
    tally, started = Tally(), time.monotonic()
    shown = meter(None, str(place), None)
    with closing(shown), closing(text_rows(place, names)) as rows:
        while batch := list(islice(rows, _BATCH)):
            bad = [row for row in batch if isinstance(row, BadItem)]
            _check(bad, strict=strict)
            tally.count(0, 0, bad)
            _add(index, [row for row in batch if isinstance(row, TextRow)], tally, strict=strict)
            shown.set(tally.rows + tally.failed_count)
    return tally.report(time.monotonic() - started)


def _check(bad: list[BadItem], *, strict: bool) -> None:
    if bad and strict:
        raise BadRows("Some rows are not valid.", errors=tuple(bad))


def _add(index: Index, rows: list[TextRow], tally: Tally, *, strict: bool) -> None:
    """Add rows without those that are refused; of several rows with one id, the last one counts."""
    latest = list({row.id: row for row in rows}.values())
    while latest:
        ids, texts, metadata = zip(*((row.id, row.text, row.metadata) for row in latest), strict=True)
        try:
            added = index.add(ids=ids, texts=texts, metadata=metadata)
        except (InvalidRows, BatchInvalid) as error:
            if not error.errors:
                raise
            refused = {item.position for item in error.errors}
            bad = [BadItem(latest[item.position].position, item.id, item.reason) for item in error.errors]
            _check(bad, strict=strict)
            tally.count(0, 0, bad)
            latest = [row for at, row in enumerate(latest) if at not in refused]
        else:
            tally.count(added.added, added.replaced)
            return


def text_rows(place: Place, names: Names) -> Generator[TextRow | BadItem, None, None]:
    """Yield the rows of a file, the text in the field `names.vector`; rows without id or text with the reason.

    Raises:
        SourceUnreadable: the file does not exist, is damaged, or not of its format.
        click.UsageError: texts are not read from files of this format.
    """
    ending = ending_of(place)
    if not ending.endswith((*_JSON_LINES, *_TABLES)):
        raise click.UsageError(f"{place}: {_FORMATS}")
    opened = open_file(place)
    try:
        fields = _json_fields(opened) if ending.endswith(_JSON_LINES) else _table_fields(opened, names)
        with closing(fields):
            for position, values in fields:
                yield BadItem(position, None, values) if isinstance(values, str) else _row(position, values, names)
    finally:
        opened.close()


def _row(position: int, values: dict[str, Any], names: Names) -> TextRow | BadItem:
    found, text = values.pop(names.id, None), values.pop(names.vector, None)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found:
        return BadItem(position, None, f"the id is missing in the field {names.id!r}")
    if not isinstance(text, str) or not text.strip():
        return BadItem(position, found, f"the text is missing in the field {names.vector!r}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return BadItem(position, found, f"the text in the field {names.vector!r} is not UTF-8")
    return TextRow(position, found, text, _metadata(values, names))


def _metadata(values: dict[str, Any], names: Names) -> Any:
    """Return the metadata of a row; without names, the fields that are neither id nor text."""
    if names.metadata is None:
        return values["metadata"] if list(values) == ["metadata"] else values or None
    if isinstance(names.metadata, str):
        return values.get(names.metadata)
    return {name: values[name] for name in names.metadata if name in values} or None


def _table_fields(opened: Opened, names: Names) -> _Fields:
    """Yield the cells of each row by the names of their columns; empty ones are left out."""
    with closing(Csv(opened).lines()) as lines:
        header = next(lines)
        for position, row in enumerate(lines):
            if len(row) != len(header):
                yield position, wrong_length(row, header)
                continue
            cells = {name: cell for name, cell in zip(header, row, strict=True) if cell}
            as_text = (names.id, names.vector)
            yield position, {name: cell if name in as_text else scalar(cell) for name, cell in cells.items()}


def _json_fields(opened: Opened) -> _Fields:
    """Yield the position of each line with its object, or with the reason why it has none."""
    for position, line in enumerate(JsonLines(opened).lines()):
        if isinstance(line, Line):
            yield position, str(line.reason)
        elif line.strip():
            yield position, _object(line)


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        values = json.loads(line)
    except ValueError as error:
        return f"the line is not JSON: {error}"
    except RecursionError:
        return "the line has too many levels"
    return values if isinstance(values, dict) else "the line is not a JSON object"
