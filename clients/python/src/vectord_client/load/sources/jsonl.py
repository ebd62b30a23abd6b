"""JSON lines: an object a line, its vector as numbers or as base64 of little-endian float32."""

import gzip
import re
import zlib
from collections.abc import Iterator
from json import JSONDecodeError, loads
from typing import IO, Any, Final, cast

import msgspec

from vectord_client.load.errors import SourceUnreadable
from vectord_client.load.sources.files import Opened, check_utf8, ends_with
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.fields import Names, metadata_names, no_field, vector_name
from vectord_client.rows.pack import Shape

_LINES: Final = 512  # a block
_LONGEST: Final = 32 << 20  # bytes of a line
_PLAIN: Final = {"id", "vector", "metadata"}
_BOM: Final = b"\xef\xbb\xbf"
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VECTOR: Final = msgspec.json.Decoder(list[float] | str | None)
_INTEGER: Final = re.compile(rb"-?[0-9]+")
_SHOWN: Final = 80  # bytes of an id that is not one
_ID: Final = msgspec.json.Decoder(str | None)


class Line(msgspec.Struct):
    """The row of a line, or the reason why the line is not valid."""

    id: str | None = None
    vector: Any = None
    metadata: bytes | None = None
    reason: str | None = None
    plain: bool = True  # it has no other keys than those that the service reads


class JsonLines:
    """A file `.jsonl`, `.ndjson` or one of them with `.gz`; positions count lines from 0, blank ones too."""

    total = None

    def __init__(self, opened: Opened) -> None:
        self._opened, self.plain = opened, ends_with(opened, ".jsonl", ".jsonl.gz")
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check, self.close = opened.check, opened.close

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of all lines."""
        positions, rows = list[int](), list[Line]()
        for position, text in enumerate(self.lines()):
            if isinstance(text, bytes) and not text.strip():
                continue
            positions.append(position)
            row = text if isinstance(text, Line) else read_line(text, names)
            rows.append(row)
            self.plain = self.plain and row.plain
            if len(rows) == _LINES:
                yield _block(positions, rows, shape)
                positions, rows = [], []
        if rows:
            yield _block(positions, rows, shape)

    def lines(self) -> Iterator[bytes | Line]:
        """Yield all lines, or the reason why a line is not read.

        Raises:
            SourceUnreadable: the file is damaged, or not UTF-8.
        """
        file = self._opened.file
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        lines = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
        first = True
        try:
            check_utf8(self.name, lines.read(4))
            lines.seek(0)
            while line := lines.readline(_LONGEST + 1):
                if len(line) > _LONGEST:
                    while line and not line.endswith(b"\n"):
                        line = lines.readline(_LONGEST)
                    yield Line(reason=f"the line has more than {_LONGEST:,} bytes")
                    continue
                yield line.removeprefix(_BOM) if first else line
                first = False
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.check()
            raise SourceUnreadable(f"{self.name} is cut or damaged: {error}.") from error


def read_line(text: bytes, names: Names) -> Line:
    """Return the row of a line of JSON."""
    try:
        fields = _OBJECT.decode(text)
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        is_array = text.lstrip().startswith(b"[")
        found = "it is a JSON array; write one object a line" if is_array else str(error)
        return Line(reason=f"the line is not a JSON object: {found}")
    except RecursionError:
        return Line(reason="the line has too many levels of arrays and objects")
    if repeated := _repeated(text, fields):
        return Line(reason=f"the line has the key {repeated!r} more than once")
    if names.id not in fields:
        return Line(reason=no_field("line", "key", names.id, "id", fields))
    row, vector = _with_id(bytes(fields[names.id])), vector_name(fields, names.vector)
    if vector not in fields:
        row.reason = row.reason or no_field("line", "key", vector, "vector", fields)
        return row
    row.plain = row.plain and fields.keys() <= _PLAIN
    try:
        row.vector = _VECTOR.decode(fields[vector])
    except msgspec.DecodeError as error:
        row.reason = row.reason or f"the vector is neither numbers nor base64: {error}"
    try:
        row.metadata = _metadata(fields, names, (names.id, vector))
    except ValueError as error:
        row.reason = row.reason or str(error)
    return row


def _with_id(text: bytes) -> Line:
    """Return a row with the id of a line. An integer becomes its digits; the service reads only text."""
    if _INTEGER.fullmatch(text):
        return Line("0" if text == b"-0" else text.decode(), plain=False)
    try:
        return Line(_ID.decode(text))
    except msgspec.DecodeError:
        shown = text[:_SHOWN].decode(errors="replace")
        return Line(reason=f"the id is {shown}; an id is text or an integer")


def _metadata(fields: dict[str, msgspec.Raw], names: Names, used: tuple[str, str]) -> bytes | None:
    """Return the text of the metadata as it is in the line."""
    others = [name for name in fields if name not in used]
    selected = metadata_names(others, names)
    if isinstance(selected, str):
        text = bytes(fields.get(selected, b"null"))
        return None if text == b"null" else text
    members = [b"%b:%b" % (msgspec.json.encode(name), bytes(fields[name])) for name in selected if name in fields]
    return b"{%b}" % b",".join(members) if members else None


def _repeated(text: bytes, fields: dict[str, msgspec.Raw]) -> str | None:
    """Return a key that the object has twice."""
    if all(text.count(b'"%b"' % name.encode()) < 2 for name in fields):
        return None
    try:
        names = [name for name, _ in loads(text, object_pairs_hook=lambda pairs: pairs)]
    except (JSONDecodeError, RecursionError):
        return None
    return next((name for name in names if names.count(name) > 1), None)


def _block(positions: list[int], rows: list[Line], shape: Shape) -> Block:
    reasons: Reasons = {place: row.reason for place, row in enumerate(rows) if row.reason}
    texts = [row.metadata for row in rows]
    columns = Columns(positions, [row.id for row in rows], [row.vector for row in rows], texts)
    return assemble(columns, shape, reasons)
