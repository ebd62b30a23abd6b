"""Arrays of numpy in `.npy` and `.npz`, read as streams of rows: an archive need not fit into memory."""

import ast
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final, TypeAlias

from vectord_client.errors import MissingExtra
from vectord_client.load.errors import MetadataUnclear, SourceUnreadable
from vectord_client.load.sources.files import Opened
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.fields import Names
from vectord_client.rows.ids import column_ids
from vectord_client.rows.json_values import NotJson
from vectord_client.rows.metadata import checked_text, json_texts
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
    """A file `.npz` with an array for each column, or a file `.npy`.

    Of an archive, `id` and `vector` are also found as `ids` and `vectors`. Without names for metadata it is the array
    `metadata`, of JSON texts, if there is one. A file `.npy` is a matrix, whose ids are the numbers of its rows, or has
    fields `id`, `vector` and perhaps `metadata`.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened, self.plain = opened, True
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check, self.close = opened.check, opened.close
        opened_file = opened.file
        self._archive: zipfile.ZipFile | None = None
        self._single: ArrayStream | None = None
        try:
            packed = opened_file.read(4).startswith(b"PK")
            opened_file.seek(0)
            if packed:
                self._archive = zipfile.ZipFile(opened_file)
            else:
                self._single = ArrayStream(opened_file, self.name)
        except _DAMAGED as error:
            raise SourceUnreadable(f"{self.name} is cut or damaged: {error}.") from error

    @property
    def total(self) -> int | None:
        if self._single is not None:
            return self._single.shape[0]
        archive = self._archive
        members = [] if archive is None else [one for one in archive.namelist() if one in ("ids.npy", "id.npy")]
        if archive is None or not members:
            return None
        try:
            return ArrayStream(archive.open(members[0]), self.name).shape[0]
        except (SourceUnreadable, *_DAMAGED):
            return None  # perhaps the array is not one that is loaded

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of the arrays."""
        columns, selected = self._columns(names)
        start, total = 0, columns[0].shape[0]
        size = sum(column.row_bytes for column in columns)
        count = max(1, min(_MOST_ROWS, _BLOCK_BYTES // max(1, size)))
        while start < total:
            try:
                parts = [column.rows(count) for column in columns]
            except _DAMAGED as error:
                self.check()
                raise SourceUnreadable(f"{self.name} is cut or damaged after row {start:,}: {error}.") from error
            block = self._block(parts, selected, start, shape)
            start += len(block) + len(block.bad)
            yield block

    def _columns(self, names: Names) -> tuple[list[ArrayStream], "_Selected"]:
        """Return the arrays to read, and which they are: a single one, or ids, vectors and metadata."""
        if self._archive is None:
            if self._single is None:
                raise AssertionError("a file is an archive or an array")
            return [self._single], None
        members = {member.filename.removesuffix(".npy"): member for member in self._archive.infolist()}
        row_id, vector, metadata = _selection(members, names, self.name)
        self.plain = {row_id, vector} <= _PLAIN and metadata in ("metadata", ())
        wanted = [row_id, vector, *([metadata] if isinstance(metadata, str) else metadata)]
        try:
            found = [ArrayStream(self._archive.open(members[one]), f"{one!r} of {self.name}") for one in wanted]
        except _DAMAGED as error:
            raise SourceUnreadable(f"{self.name} is cut or damaged: {error}.") from error
        lengths = {one: column.shape[0] for one, column in zip(wanted, found, strict=True)}
        if len(set(lengths.values())) > 1:
            raise SourceUnreadable(f"The arrays of {self.name} have different lengths: {lengths}.")
        return found, metadata

    def _block(self, parts: list[Any], selected: "_Selected", start: int, shape: Shape) -> Block:
        reasons: Reasons = {}
        if selected is None:
            row_ids, vectors, *texts = _of_fields(parts[0], start, self.name)
        else:
            row_ids, vectors, *texts = parts
        ids = column_ids(row_ids.tolist(), reasons)
        encoded: list[bytes | None] = [None] * len(ids)
        if selected and not isinstance(selected, str):
            rows = zip(*(array.tolist() for array in texts), strict=True)
            encoded = json_texts([dict(zip(selected, row, strict=True)) for row in rows], reasons)
        elif texts:
            encoded = _texts(texts[0].tolist(), reasons)
        try:
            packed = pack_matrix(vectors, shape, reasons)
        except InvalidVector as error:
            raise SourceUnreadable(f"The vectors of {self.name} cannot be loaded: {error}") from error
        return assemble(Columns(range(start, start + len(ids)), ids, packed, encoded), shape, reasons)


# The name of the array with all metadata, or the names of arrays that are members of it; None for a single array.
_Selected: TypeAlias = str | tuple[str, ...] | None
_PLAIN: Final = {"id", "ids", "vector", "vectors"}  # the names that the service reads too


def _selection(present: Iterable[str], names: Names, file: str) -> tuple[str, str, str | tuple[str, ...]]:
    """Return the names of the arrays with ids, vectors and metadata.

    Raises:
        SourceUnreadable: one is missing.
        MetadataUnclear: it is not clear which arrays are metadata.
    """
    members = list(present)
    row_id = "ids" if names.id == "id" and "id" not in members else names.id
    vector = "vectors" if names.vector == "vector" and "vector" not in members else names.vector
    others = [member for member in members if member not in (row_id, vector)]
    metadata = names.metadata
    if metadata is None:
        metadata = "metadata" if "metadata" in others else ()
        if unclear := [member for member in others if member != metadata]:
            raise MetadataUnclear(
                f"{file} has more arrays: {', '.join(map(repr, unclear))}. Name those that are metadata "
                "with the option `metadata`.",
                advice="Write metadata=['name', ...], or metadata=[] for none.",
            )
    for wanted in (row_id, vector, *([metadata] if isinstance(metadata, str) else metadata)):
        if wanted not in members:
            raise SourceUnreadable(
                f"{file} has no array {wanted!r}; it has {', '.join(map(repr, members)) or 'none'}. Save it with "
                "numpy.savez(file, ids=..., vectors=..., metadata=...), where metadata is JSON text, or name its "
                "arrays with the options `id`, `vector` and `metadata`."
            )
    return row_id, vector, metadata


def _of_fields(array: Any, start: int, name: str) -> list[Any]:
    """Return ids, vectors and perhaps metadata of an array with fields, or of a matrix."""
    fields = array.dtype.names
    if fields is None:
        return [_numpy().arange(start, start + len(array)), array]
    if not {"id", "vector"} <= set(fields) or not set(fields) <= {"id", "vector", "metadata"}:
        raise SourceUnreadable(f"{name} has the fields {fields}; it must have 'id', 'vector' and perhaps 'metadata'.")
    return [array["id"], array["vector"], *([array["metadata"]] if "metadata" in fields else [])]


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
