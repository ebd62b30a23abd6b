"""What a load needs to know of a source."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from vectord_client.rows.block import Block
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape


class Source(Protocol):
    """Rows that are read once, in order.

    `name` is for messages. `identity` names the source across processes, None if it cannot be read again; with an equal
    `fingerprint` it has the same rows. `total` is the number of rows, if that is known before they are read. `path` and
    `size` are those of a file on disk. `plain`, once all rows were read, says whether the service reads the same rows
    from the file: see docs/files.md.
    """

    name: str
    fingerprint: str
    plain: bool
    size: int

    @property
    def identity(self) -> str | None: ...

    @property
    def total(self) -> int | None: ...

    @property
    def path(self) -> Path | None: ...

    def blocks(self, names: Names, shape: Shape) -> Iterator[Block]:
        """Yield all rows.

        Raises:
            SourceUnreadable: it is damaged, or not of its format.
            SourceChanged: it changed while it was read.
        """

    def check(self) -> None:
        """Raise SourceChanged if the source is not the one that was opened."""

    def close(self) -> None:
        """Release files and connections."""
