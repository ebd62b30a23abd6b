"""What an upload is and what becomes of it: values of the ingestion."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from vectord.index import mutations
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.readers.entry import ROW_BYTES
from vectord.service.ingestion.uploads import FoundReport
from vectord.service.values.options import Deadline
from vectord.service.values.uploaded import FileRows
from vectord.service.values.validation import Add
from vectord.storage.inbox import UploadedFile

_COMPONENT_BYTES: Final = 4

Outcome = Literal["committed", "stale", "superseded", "rejected", "ignored"]


class Ingested(msgspec.Struct, frozen=True):
    """The outcome of an upload: `rows` committed, or `bad` rows reported.

    An upload is `stale` if it was applied or refused before, or deleted; `superseded` if another version replaced it;
    `ignored` if it is not a file of vectors.
    """

    outcome: Outcome
    index: str
    rows: int = 0
    bad: int = 0


class Job(msgspec.Struct, frozen=True):
    """An upload, the index that its key names, and until when a step of its ingestion may take."""

    upload: UploadedFile
    index: str
    deadline: Deadline

    def is_stale(self, index: Index) -> bool:
        return mutations.is_stale(index.applied, self.upload.key, self.upload.sequencer)

    def is_recorded(self, index: Index) -> bool:
        return mutations.is_recorded(index.applied, self.upload.key, self.upload.sequencer)


class ReadFile(msgspec.Struct, frozen=True, eq=False):
    """A file that was read: its rows, and the parameters of the index (of the parent of shards) that they fit.

    They take `size` bytes of memory. `refusal` is the report on this version or an older one, which is out of date when
    the rows are committed.
    """

    upload: UploadedFile
    index: str
    items: Sequence[Item]
    valid_for: Params
    size: int
    refusal: FoundReport | None

    def rows(self, items: Sequence[Item]) -> FileRows:
        """Return some of the rows, as a commit adds them."""
        refused = (self.refusal.sequencer,) if self.refusal else ()
        return FileRows(self.upload.key, self.upload.sequencer, Add(items=items), refused)


def size_of(items: Sequence[Item], dimension: int) -> int:
    """Return the bytes of memory that rows take, as the limit of a file counts them."""
    metadata = sum(len(item.metadata) for item in items if item.metadata is not None)
    return len(items) * (ROW_BYTES + _COMPONENT_BYTES * dimension) + metadata


class Added(msgspec.Struct, frozen=True):
    """What a commit did with a file: the number of rows that it added.

    The file was `overtaken` if the index, or one of its shards, has applied a later version of it, but not this one.
    """

    rows: int
    overtaken: bool
