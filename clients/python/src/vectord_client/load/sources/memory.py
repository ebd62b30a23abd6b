"""What a program has in memory: DataFrames, Arrow tables, lists of rows, and iterators of any of them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from vectord_client.rows.block import Block
from vectord_client.rows.fields import Names
from vectord_client.rows.forms import row_blocks
from vectord_client.rows.frames import frame_parts, is_frame
from vectord_client.rows.pack import Shape


class Memory:
    """Rows in any form that an add accepts.

    A DataFrame, a table or a list is known again by its length, its columns and digests of its first and last rows. An
    iterator is known again only by `resume="name"`.
    """

    def __init__(self, rows: Any, resume_as: str | None) -> None:
        self._rows = rows
        self.path, self.size, self.plain = None, 0, False
        self.name = f"a {type(rows).__name__}"
        self.total: int | None = len(rows) if _is_sized(rows) else None
        self.fingerprint = f"{self.total:,} rows" if self.total is not None else "an iterator"
        self.identity = resume_as if resume_as is not None else self._digest()

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield the rows."""
        return row_blocks(self._rows, names, shape)

    def check(self) -> None:
        """Do nothing: on a resumption the digest of each batch shows whether its rows are the same."""

    def close(self) -> None:
        """Do nothing."""

    def _digest(self) -> str | None:
        rows = self._rows
        if self.total is None or isinstance(rows, dict | tuple) or not _is_sliceable(rows):
            return None
        names = [str(name) for name in rows.columns] if hasattr(rows, "columns") else []
        digest = hashlib.blake2b(f"{type(rows).__name__} {self.total} {names}".encode(), digest_size=16)
        for part in _samples(rows, self.total):
            digest.update(repr(_plain(part)).encode("utf-8", "surrogatepass"))
        return f"memory:{digest.hexdigest()}"


_SAMPLE = 16  # rows at the start and at the end


def _is_sized(rows: Any) -> bool:
    return hasattr(rows, "__len__") and not isinstance(rows, dict)


def _is_sliceable(rows: Any) -> bool:
    return isinstance(rows, Sequence) or is_frame(rows)


def _samples(rows: Any, total: int) -> tuple[Any, Any]:
    """Return the first and the last rows."""
    if hasattr(rows, "slice"):  # Arrow, polars
        return rows.slice(0, _SAMPLE), rows.slice(max(0, total - _SAMPLE))
    places = rows.iloc if hasattr(rows, "iloc") else rows
    return places[:_SAMPLE], places[-_SAMPLE:]


def _plain(part: Any) -> Any:
    """Return rows as lists and dicts, whose text has all their values."""
    if hasattr(part, "to_pylist"):  # Arrow: by columns, which stand for values that Python cannot represent too
        return [[piece.values(name) for name in piece.names] for piece in frame_parts(part)]
    if hasattr(part, "to_dicts"):  # polars
        return part.to_dicts()
    return part.to_dict("records") if hasattr(part, "to_dict") else part
