"""Arrays of numpy in `.npy` and `.npz`, read as streams of rows: an archive need not fit into memory."""

import ast
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, Final

from vectord_client.errors import MissingExtra
from vectord_client.load.errors import SourceUnreadable
from vectord_client.load.sources.files import Opened
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.fields import Names
from vectord_client.rows.ids import id_text
from vectord_client.rows.json_values import NotJson
from vectord_client.rows.metadata import checked_text
from vectord_client.rows.pack import InvalidVector, Shape, pack_matrix

_BLOCK_BYTES: Final = 4 << 20
_MOST_ROWS: Final = 8_192
_MAGIC: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 1 << 20
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


class ArrayStream:
    """The rows of one array, read in order."""

    def __init__(self, file: IO[bytes], what: str) -> None:
        """Read the header.

        Raises:
            SourceUnreadable: it is not an array of numpy, or one of Python objects.
        """
        self._numpy = _numpy()
        self._file, self._what = file, what
        try:
            header = _header(file)
            self.dtype = self._numpy.lib.format.descr_to_dtype(header["descr"])
            self.shape: tuple[int, ...] = tuple(header["shape"])
            self._fortran = bool(header["fortran_order"]) and len(self.shape) > 1
        except (ValueError, TypeError, KeyError, SyntaxError, *_DAMAGED) as error:
            raise SourceUnreadable(f"{what} is not an array of numpy: {error}.") from error
        if self.dtype.hasobject:
            raise SourceUnreadable(f"{what} has Python objects, which are not loaded: save text and numbers.")
        if not self.shape:
            raise SourceUnreadable(f"{what} has one value, not rows.")
        self._whole: Any = None
        self._read = 0

    @property
    def row_bytes(self) -> int:
        size = int(self.dtype.itemsize)
        for length in self.shape[1:]:
            size *= length
        return size

    def rows(self, count: int) -> Any:
        """Return the next `count` rows, or those that are left, as an array."""
        count = min(count, self.shape[0] - self._read)
        first, self._read = self._read, self._read + count
        if self._fortran:  # its rows are spread over the file
            if self._whole is None:
                flat = self._array(self._bytes(self.shape[0] * self.row_bytes))
                self._whole = flat.reshape(self.shape[::-1]).T
            return self._whole[first : first + count]
        return self._array(self._bytes(count * self.row_bytes)).reshape((count, *self.shape[1:]))

    def _array(self, data: bytes) -> Any:
        return self._numpy.frombuffer(data, self.dtype)

    def _bytes(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError(f"{self._what} is cut")
        return data


class Arrays:
    """A file `.npz` with `ids`, `vectors` and perhaps `metadata`; or a file `.npy`.

    The latter is a matrix, whose ids are the numbers of its rows, or has fields `id`, `vector` and perhaps `metadata`.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened, self.plain = opened, True
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check, self.close = opened.check, opened.close
        opened_file = opened.file
        try:
            packed = opened_file.read(4).startswith(b"PK")
            opened_file.seek(0)
            self._columns = _archive(opened_file, self.name) if packed else {"": ArrayStream(opened_file, self.name)}
        except _DAMAGED as error:
            raise SourceUnreadable(f"{self.name} is cut or damaged: {error}.") from error
        lengths = {name: column.shape[0] for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise SourceUnreadable(f"The arrays of {self.name} have different lengths: {lengths}.")
        self.total: int | None = max(lengths.values())

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of the arrays."""
        del names  # the names of the arrays are those of the format
        start, total = 0, self.total or 0
        size = sum(column.row_bytes for column in self._columns.values())
        count = max(1, min(_MOST_ROWS, _BLOCK_BYTES // max(1, size)))
        while start < total:
            try:
                parts = {name: column.rows(count) for name, column in self._columns.items()}
            except _DAMAGED as error:
                self.check()
                raise SourceUnreadable(f"{self.name} is cut or damaged after row {start:,}: {error}.") from error
            block = self._block(parts, start, shape)
            start += len(block) + len(block.bad)
            yield block

    def _block(self, parts: dict[str, Any], start: int, shape: Shape) -> Block:
        whole = parts.get("")
        if whole is not None:
            parts = _of_fields(whole, start, self.name)
        reasons: Reasons = {}
        ids = [id_text(value) for value in parts["ids"].tolist()]
        texts: list[bytes | None] = [None] * len(ids)
        if "metadata" in parts:
            texts = _texts(parts["metadata"].tolist(), reasons)
        try:
            packed = pack_matrix(parts["vectors"], shape, reasons)
        except InvalidVector as error:
            raise SourceUnreadable(f"The vectors of {self.name} cannot be loaded: {error}") from error
        return assemble(Columns(range(start, start + len(ids)), ids, packed, texts), shape, reasons)


def _archive(file: IO[bytes], name: str) -> dict[str, ArrayStream]:
    """Return the arrays of an archive. Each has a position of its own in the file."""
    archive = zipfile.ZipFile(file)
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    found = {_SINGULAR.get(member, member): member for member in members}
    if missing := [wanted for wanted in ("ids", "vectors") if wanted not in found]:
        raise SourceUnreadable(
            f"{name} has no array {missing[0]!r}; it has {', '.join(map(repr, members)) or 'none'}. Save it with "
            "numpy.savez(file, ids=..., vectors=..., metadata=...), where metadata is JSON text."
        )
    if others := [member for member in found if member not in ("ids", "vectors", "metadata")]:
        raise SourceUnreadable(f"{name} has arrays that are not loaded: {', '.join(map(repr, others))}.")
    return {one: ArrayStream(archive.open(members[member]), f"{member!r} of {name}") for one, member in found.items()}


_SINGULAR: Final = {"id": "ids", "vector": "vectors"}


def _of_fields(array: Any, start: int, name: str) -> dict[str, Any]:
    """Return the columns of an array with fields, or of a matrix."""
    fields = array.dtype.names
    if fields is None:
        numpy = _numpy()
        return {"ids": numpy.arange(start, start + len(array)), "vectors": array}
    if not {"id", "vector"} <= set(fields) or not set(fields) <= {"id", "vector", "metadata"}:
        raise SourceUnreadable(f"{name} has the fields {fields}; it must have 'id', 'vector' and perhaps 'metadata'.")
    found = {"ids": array["id"], "vectors": array["vector"]}
    return {**found, "metadata": array["metadata"]} if "metadata" in fields else found


def _texts(values: list[Any], reasons: Reasons) -> list[bytes | None]:
    texts: list[bytes | None] = []
    for row, value in enumerate(values):
        try:
            text = value.encode() if isinstance(value, str) else bytes(value)
            texts.append(checked_text(text) if text else None)
        except (NotJson, TypeError, UnicodeEncodeError) as error:
            texts.append(None)
            reasons.setdefault(row, str(error) if isinstance(error, NotJson) else "metadata is not JSON text")
    return texts


def _header(file: IO[bytes]) -> dict[str, Any]:
    """Read the header of an array: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""
    if file.read(6) != _MAGIC:
        raise ValueError("it does not begin as one")
    major = file.read(2)[0]
    length = int.from_bytes(file.read(2 if major == 1 else 4), "little")
    if length > _LONGEST_HEADER:
        raise ValueError("its header is too long")
    header: dict[str, Any] = ast.literal_eval(file.read(length).decode("latin-1" if major < 3 else "utf-8"))
    return header


def _numpy() -> Any:
    try:
        import numpy  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise MissingExtra("Reading .npy and .npz needs numpy: pip install numpy.") from error
    return numpy
