"""Ingest uploaded files in the background: one thread of this process, through the engine's own ingestion."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from vectord.errors import BlobError, StoreError, Unavailable
from vectord.service.ingestion.uploads import Reports, report_key
from vectord.service.values.options import Deadline
from vectord.storage.inbox import UploadedFile
from vectord_client.embedded.inbox import FolderInbox, Readable
from vectord_client.embedded.worker import Worker

if TYPE_CHECKING:
    from vectord.service.ingestion.ingestion import Ingestion  # imports the readers of files, which few processes need

MEMORY_SHARE: Final = 6  # the file, its vectors, the index and the new blob are in memory at once
_INGEST_SECONDS: Final = 900.0  # as long as a function of the deployed stack may run
_PAUSES: Final = (1.0, 5.0, 30.0)  # seconds before each further attempt
_LOGGER: Final = logging.getLogger("vectord_client.embedded.uploads")


class Uploads:
    """The uploaded files of a folder. A file stays in the inbox until it was ingested or refused."""

    def __init__(self, inbox: FolderInbox, compose: "Callable[[], Ingestion]") -> None:
        """Ingest with what `compose` returns; the thread calls it at the first file."""
        self._inbox, self._compose = inbox, compose
        self._waiting: dict[str, UploadedFile] = {}
        self._worker = Worker("vectord-uploads", self._ingest)

    def receive(self, key: str, body: Readable) -> UploadedFile:
        """Write a file into the inbox, and ingest it soon. Raises what `FolderInbox.receive` does."""
        upload = self._inbox.receive(key, body)
        self._request(upload)
        return upload

    def report(self, key: str) -> bytes | None:
        """Return the report on the file `key`, or None if it was not refused."""
        found = self._inbox.read_report(report_key(key))
        return None if found is None else found.data

    def resume(self) -> None:
        """Ingest the files that an earlier process received and did not ingest."""
        for upload in self._inbox.waiting():
            self._request(upload)

    def wait(self, seconds: float) -> bool:
        """Wait until no file waits for its ingestion; return False if that takes longer than `seconds`."""
        return self._worker.wait(seconds)

    def close(self, seconds: float) -> None:
        """Finish within `seconds`. What is not ingested then stays in the inbox for the next process."""
        try:
            self._worker.wait(seconds)
        finally:
            self._worker.stop()

    def _request(self, upload: UploadedFile) -> None:
        self._waiting[upload.key] = upload
        self._worker.request(upload.key)

    def _ingest(self, key: str) -> None:
        upload = self._waiting.pop(key)
        try:
            self._ingest_with_repeats(upload)
        except Exception as error:  # as at each message of a queue: one file must not keep the others waiting
            _LOGGER.exception("%s was not ingested, and stays in the inbox", key)
            self._report(upload, f"it could not be ingested: {type(error).__name__}: {error}")

    def _ingest_with_repeats(self, upload: UploadedFile) -> None:
        ingestion, key = self._compose(), upload.key
        for pause in (*_PAUSES, None):
            try:
                done = ingestion.ingest(upload, Deadline(ingestion.environment.now() + _INGEST_SECONDS))
            except (Unavailable, StoreError, BlobError) as error:
                if pause is None:
                    self._report(upload, f"it could not be ingested: {error}")
                if pause is None or self._worker.pause(pause):
                    _LOGGER.warning("%s was not ingested, and stays in the inbox: %s", key, error)
                    return
                continue
            finally:
                ingestion.environment.meter.drain()
            _log(key, done.outcome, done.rows)
            self._inbox.remove(upload)
            return

    def _report(self, upload: UploadedFile, reason: str) -> None:
        """Write the report on a file that stays in the inbox; the next process tries it again."""
        try:
            Reports(self._inbox).write_refusal(upload, f"{reason}; it is tried again at the next start", ())
        except StoreError as error:
            _LOGGER.warning("the report on %s was not written: %s", upload.key, error)


def _log(key: str, outcome: str, rows: int) -> None:
    level = logging.WARNING if outcome == "rejected" else logging.DEBUG
    _LOGGER.log(level, "%s: %s, %d rows", key, outcome, rows)
