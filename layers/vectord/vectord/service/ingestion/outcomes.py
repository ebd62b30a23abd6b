"""Decide what became of an upload, and write or remove the reports on it."""

from collections.abc import Sequence
from functools import partial

from vectord.errors import BadItem, BatchInvalid, IndexNotFound, RequestInvalid
from vectord.service.ingestion.uploads import FoundReport, Reports, reason_of_bad_rows
from vectord.service.ingestion.values import Added, Ingested, Job
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import shard_names
from vectord.service.snapshots.cache import SnapshotReader
from vectord.storage.inbox import Inbox


class Outcomes:
    """The outcomes of the uploads of one inbox."""

    def __init__(self, inbox: Inbox, reader: SnapshotReader, pool: WorkerPool) -> None:
        self._inbox, self._reports, self._reader, self._pool = inbox, Reports(inbox), reader, pool

    def added(self, job: Job, added: Added, refusal: FoundReport | None) -> Ingested:
        """Return the outcome of a file that was added, now or before; remove the report on it that is out of date."""
        if refusal is not None:
            # After a redelivery too: the delivery that committed the rows may have ended before this.
            self._reader.retry(job.deadline, partial(self._reports.remove, refusal))
        if added.overtaken:
            return self.superseded(job, added.rows)
        return Ingested("committed" if added.rows else "stale", job.index, rows=added.rows)

    def rejected(self, job: Job, error: RequestInvalid | IndexNotFound) -> Ingested:
        """Write the report on a file that can never be ingested, unless another version has replaced it."""
        if self._inbox.replacement(job.upload) is not None:
            return self.superseded(job)
        items: Sequence[BadItem] = ()
        reason = str(error)
        if isinstance(error, BatchInvalid):
            reason, items = reason_of_bad_rows(len(error.items)), error.items
        self._reports.write_refusal(job.upload, reason, items)
        return Ingested("rejected", job.index, bad=len(items))

    def superseded(self, job: Job, rows: int = 0) -> Ingested:
        """Report that another version replaced the file, unless the file was deleted or this is a redelivery."""
        newer = self._inbox.replacement(job.upload)
        if newer is None or self._was_handled(job):
            return Ingested("stale", job.index, rows=rows)
        self._reports.write_superseded(job.upload, newer, rows)
        return Ingested("superseded", job.index, rows=rows)

    def refusal_of(self, job: Job) -> FoundReport | None:
        """Return the report on this version of the file or an older one, if there is one."""
        return self._reader.retry(job.deadline, partial(self._reports.find, job.upload))

    def _was_handled(self, job: Job) -> bool:
        """Return True if an earlier delivery of the event applied the file or refused it."""
        refusal = self.refusal_of(job)
        if refusal is not None and refusal.sequencer == job.upload.sequencer:
            return True
        try:
            present = self._reader.present(job.index, job.deadline).index
        except IndexNotFound:
            return False
        shards = shard_names(present.params)
        states = self._pool.map(lambda shard: self._reader.present(shard, job.deadline).index, shards)
        return any(map(job.is_recorded, (present, *states)))
