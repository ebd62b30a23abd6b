"""Read the rows of a file as items for an index, within bounds on memory, time and the number of bad rows."""

from functools import partial
from typing import Final

import msgspec

from vectord.errors import BatchInvalid, FileRefused, ObjectChanged
from vectord.index.rows import Item
from vectord.lhv1.params import Params
from vectord.readers.address_space import spare_memory
from vectord.readers.files import entries_of_file
from vectord.service.uploads import MAX_REPORTED
from vectord.service.values import validation
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline

_RESERVED: Final = 512 << 20  # bytes of address space that DuckDB's allocator reserves and does not use
_SPARE: Final = 4  # times the limit of a file: what reading may allocate, with DuckDB's buffers


class FileRows(msgspec.Struct, frozen=True):
    """The rows of a file, validated for an index with the parameters `index`."""

    items: list[Item]
    index: Params

    def items_for(self, index: Params) -> list[Item]:
        """Return the items for the index as it is at the commit.

        Raises:
            ObjectChanged: it was deleted and created again with other parameters; read the file again.
        """
        if index != self.index:
            raise ObjectChanged(index.name)
        return self.items


class FileReader:
    """Reads files of at most `limit` bytes, as stored and as decoded."""

    def __init__(self, limit: int, environment: Environment) -> None:
        self.limit, self._environment = limit, environment

    def read(self, name: str, data: bytes, index: Params, deadline: Deadline) -> FileRows:
        """Return the rows of the file `name`, valid for an index with these parameters.

        Raises:
            FileRefused: it cannot be read, has no rows, or needs too much memory.
            BatchInvalid: some rows are not valid; reading stopped after MAX_REPORTED of them.
            DeadlineExceeded
        """
        if not data:
            raise FileRefused("it is empty: it has 0 bytes")
        try:
            with self._environment.timed("ParseMilliseconds"), spare_memory(_RESERVED + _SPARE * self.limit):
                entries = entries_of_file(name, data, self.limit, index.dimension)
                check_time = partial(self._environment.check, deadline)
                del data  # the reader frees it when it can
                items = validation.validated_rows(entries, index, MAX_REPORTED, check_time)
        except MemoryError as error:
            raise FileRefused("it needs more memory than this function has; split it") from error
        if not items:
            raise FileRefused("it contains no vectors")
        return FileRows(items, index)


def reason_of(error: BatchInvalid) -> str:
    """Return the reason in the report on a file with bad rows."""
    if len(error.items) < MAX_REPORTED:
        return "some rows are not valid; nothing was committed"
    return f"reading stopped after {MAX_REPORTED:,} rows that are not valid; nothing was committed"
