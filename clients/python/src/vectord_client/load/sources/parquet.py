"""Parquet: read with pyarrow, or with duckdb where only that is installed."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final

from vectord_client.errors import MissingExtra
from vectord_client.load.errors import SourceUnreadable
from vectord_client.load.sources.files import Opened
from vectord_client.rows.block import Block
from vectord_client.rows.fields import Names, check_names
from vectord_client.rows.frames import ArrowPart, part_block, without_nan
from vectord_client.rows.pack import Shape

_ROWS: Final = 2_048  # a block


def open_parquet(opened: Opened) -> "Parquet | DuckParquet":
    """Return the source of a file `.parquet`.

    Raises:
        MissingExtra: neither pyarrow nor duckdb is installed.
        SourceUnreadable: it is not Parquet.
    """
    if find_spec("pyarrow") is not None:
        return Parquet(opened)
    if find_spec("duckdb") is not None and opened.path is not None:
        return DuckParquet(opened)
    raise MissingExtra("Reading Parquet needs pyarrow: pip install 'vectord-client[pandas]'.")


class Parquet:
    """A file `.parquet`, row group after row group."""

    def __init__(self, opened: Opened) -> None:
        import pyarrow  # noqa: PLC0415  heavy
        from pyarrow import parquet  # noqa: PLC0415

        self._opened, self._arrow = opened, pyarrow
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check, self.close = opened.check, opened.close
        try:
            self._file = parquet.ParquetFile(opened.file, pre_buffer=False, buffer_size=1 << 20)
        except (pyarrow.ArrowException, OSError) as error:
            raise SourceUnreadable(f"{self.name} is not Parquet, or it is cut: {error}.") from error
        self.total: int | None = self._file.metadata.num_rows
        self.plain = _is_plain(pyarrow, self._file.schema_arrow)

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of the file."""
        found, start = check_names(self._file.schema_arrow.names, names, "file"), 0
        batches = self._file.iter_batches(batch_size=_ROWS)
        while True:
            try:
                batch = next(batches, None)
            except (self._arrow.ArrowException, OSError) as error:
                self.check()
                raise SourceUnreadable(f"{self.name} is damaged after row {start:,}: {error}.") from error
            if batch is None:
                return
            yield part_block(ArrowPart(self._arrow, batch), found, shape, start)
            start += batch.num_rows


def _is_plain(arrow: Any, schema: Any) -> bool:
    """Return True if the service reads the same rows: metadata is JSON text, and there are no other columns."""
    types, kinds = arrow.types, dict(zip(schema.names, schema.types, strict=True))
    metadata = kinds.get("metadata")
    is_text = metadata is None or types.is_string(metadata) or types.is_large_string(metadata)
    return is_text and set(kinds) in _PLAIN


_PLAIN: Final = [{"id", vector, *more} for vector in ("vector", "values") for more in ((), ("metadata",))]


class DuckParquet:
    """A file `.parquet`, read by duckdb."""

    def __init__(self, opened: Opened) -> None:
        import duckdb  # noqa: PLC0415  heavy

        self._opened, self._failed = opened, duckdb.Error
        self.plain = False
        self.name, self.identity, self.fingerprint = opened.name, opened.identity, opened.fingerprint
        self.path, self.size = opened.path, opened.size
        self.check = opened.check
        self._connection = duckdb.connect(config={"threads": 1})
        try:
            [[self.total]] = self._query("SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata($path)").fetchall()
            self._names = [row[0] for row in self._query("DESCRIBE SELECT * FROM read_parquet($path)").fetchall()]
        except duckdb.Error as error:
            raise SourceUnreadable(f"{self.name} is not Parquet, or it is cut: {error}.") from error

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows of the file."""
        found, start = check_names(self._names, names, "file"), 0
        try:
            result = self._query("SELECT * FROM read_parquet($path)")
            while rows := result.fetchmany(_ROWS):
                yield part_block(_Tuples(self._names, rows), found, shape, start)
                start += len(rows)
        except self._failed as error:
            self.check()
            raise SourceUnreadable(f"{self.name} is damaged after row {start:,}: {error}.") from error

    def close(self) -> None:
        self._connection.close()
        self._opened.close()

    def _query(self, text: str) -> Any:
        return self._connection.execute(text, {"path": str(self._opened.path)})


class _Tuples:
    """Rows of duckdb."""

    def __init__(self, names: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.names, self._rows = names, rows

    def __len__(self) -> int:
        return len(self._rows)

    def values(self, name: str) -> list[Any]:
        place = self.names.index(name)
        return without_nan([row[place] for row in self._rows])

    def packed(self, name: str, dimension: int | None) -> tuple[int, memoryview] | None:
        del name, dimension
        return None
