"""Read an uploaded file: fetch the version that its event names, decode it and validate its rows."""

from functools import partial
from typing import Final

from vectord.errors import FileRefused
from vectord.index.rows import Item
from vectord.lhv1.params import Params
from vectord.readers.files import entries_of_file, spare_memory
from vectord.service.ingestion.uploads import MAX_REPORTED
from vectord.service.ingestion.values import Job
from vectord.service.values.environment import Environment
from vectord.service.values.validation import validated_rows
from vectord.storage.inbox import Inbox

_SPARE: Final = 4  # times the limit of a file: what reading it may allocate, with DuckDB's buffers


class FileReader:
    """Reads the files of an inbox."""

    def __init__(self, inbox: Inbox, max_file_bytes: int, environment: Environment) -> None:
        """Refuse files of more than `max_file_bytes`, as stored or decompressed."""
        self._inbox, self._max_file_bytes, self._environment = inbox, max_file_bytes, environment

    def check_size(self, job: Job) -> None:
        """Raise FileRefused if the file is too large, as its event says."""
        if job.upload.size > self._max_file_bytes:
            raise FileRefused(
                f"it has {job.upload.size:,} bytes, more than the limit of {self._max_file_bytes:,}; split it"
            )

    def rows(self, job: Job, index: Params) -> list[Item]:
        """Return the rows of a file, valid for an index with these parameters.

        Raises:
            FileRefused, BatchInvalid: the file can never be ingested.
            ConditionFailed: another version has replaced it.
            ObjectNotFound: it was deleted.
            DeadlineExceeded, StoreUnavailable, StoreRefused
        """
        with self._environment.timed("FetchMilliseconds"):
            data = self._inbox.fetch(job.upload)
        if not data:
            raise FileRefused("it is empty: it has 0 bytes")
        try:
            with self._environment.timed("ParseMilliseconds"), spare_memory(_SPARE * self._max_file_bytes):
                entries = entries_of_file(job.upload.key, data, self._max_file_bytes, index.dimension)
                del data  # the reader frees it when it can
                items = validated_rows(entries, index, MAX_REPORTED, partial(self._environment.check, job.deadline))
        except MemoryError as error:
            raise FileRefused("it needs more memory than this function has; split it") from error
        if not items:
            raise FileRefused("it contains no vectors")
        return items
