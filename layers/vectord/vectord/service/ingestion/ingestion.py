"""Ingest uploaded files: each is added as a whole or not at all, and files of one index share a commit.

A file that can never be ingested leads to a report, and so does one that another version replaced before it was
ingested. A temporary error is raised, so that the queue delivers the event again.
"""

from collections.abc import Sequence
from typing import Final

from vectord.cache.section_cache import SectionCache
from vectord.errors import ConditionFailed, IndexNotFound, ObjectNotFound, RequestInvalid
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.loop import CommitLoop
from vectord.service.ingestion.adding import AddedOrError, Adding, fits
from vectord.service.ingestion.links import UploadLinks
from vectord.service.ingestion.outcomes import Outcomes
from vectord.service.ingestion.reading import FileReader
from vectord.service.ingestion.uploads import is_data, target_of
from vectord.service.ingestion.values import Added, Ingested, Job, ReadFile, size_of
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import check_parent
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord.storage.inbox import Inbox, UploadedFile

_GROUP_SHARE: Final = 2  # a group of files takes this share of the memory that one file may take


class Ingestion:
    """Ingests uploads from an inbox into indexes. `links` creates links to upload files.

    A file is read, added together with other files of its index, and settled.
    """

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        files: SectionCache,
        *,
        max_file_bytes: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        build_policy: BuildPolicy | None = None,
    ) -> None:
        """Refuse files of more than `max_file_bytes`, as stored or decompressed. `bucket` is the name of the inbox."""
        self.bucket, self.environment = inbox.bucket, environment
        # The cache keeps one index only: files and their index need the memory.
        reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        pool = WorkerPool(environment)
        self.links = UploadLinks(inbox, reader, max_file_bytes)
        self._reader, self._group_bytes = reader, max_file_bytes // _GROUP_SHARE
        self._files = FileReader(inbox, max_file_bytes, environment)
        self._adding = Adding(reader, CommitLoop(reader, build_policy=build_policy), pool)
        self._outcomes = Outcomes(inbox, reader, pool)

    def ingest(self, upload: UploadedFile, deadline: Deadline) -> Ingested:
        """Ingest one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        read = self.read(upload, deadline)
        if isinstance(read, Ingested):
            return read
        [added] = self.add([read], deadline)
        if isinstance(added, Added | IndexNotFound):
            return self.settle(read, added, deadline)
        raise added

    def read(self, upload: UploadedFile, deadline: Deadline) -> ReadFile | Ingested:
        """Read a file, or return its outcome: the index has applied it or a later version, or it cannot be ingested.

        Raises:
            What `ingest` raises.
        """
        if not is_data(upload):
            return Ingested("ignored", "")
        job = Job(upload, "", deadline)
        try:
            job = Job(upload, target_of(upload.key), deadline)
            self._files.check_size(job)
            return self._read(job)
        except ObjectNotFound:
            return Ingested("stale", job.index)  # deleted
        except ConditionFailed:
            return self._outcomes.superseded(job)
        except (RequestInvalid, IndexNotFound) as error:
            return self._outcomes.rejected(job, error)

    def can_join(self, group: Sequence[ReadFile], file: ReadFile) -> bool:
        """Return True if one commit can add a file together with a group, within the memory for a group."""
        return fits(group, file, self._group_bytes)

    def add(self, group: Sequence[ReadFile], deadline: Deadline) -> list[AddedOrError]:
        """Add files of one index by one commit (one for each shard); return what became of each of them."""
        with self.environment.timed("CommitMilliseconds"):
            return self._adding.add(group, deadline)

    def settle(self, file: ReadFile, added: Added | IndexNotFound, deadline: Deadline) -> Ingested:
        """Return the outcome of a file that was added, or whose index is gone; write or remove the reports on it.

        Raises:
            What `ingest` raises.
        """
        job = Job(file.upload, file.index, deadline)
        if isinstance(added, IndexNotFound):
            return self._outcomes.rejected(job, added)
        return self._outcomes.added(job, added, file.refusal)

    def _read(self, job: Job) -> ReadFile | Ingested:
        present = self._reader.present(job.index, job.deadline).index
        if present.params.shards:
            check_parent(present.params, job.index)
        if job.is_stale(present):
            overtaken = not job.is_recorded(present)
            return self._outcomes.added(job, Added(0, overtaken), self._outcomes.refusal_of(job))
        items = self._files.rows(job, present.params)
        size = size_of(items, present.params.dimension)
        return ReadFile(job.upload, job.index, items, present.params, size, self._outcomes.refusal_of(job))
