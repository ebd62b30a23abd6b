"""A version of a file that is put and ingested while an older version is being ingested."""

from collections.abc import Callable

import pytest

from tests.support.services import FOREVER, Clock, a_service, new_section_cache
from vectord.errors import ConditionFailed
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.inbox import Replacement, SignedPut, StoredReport, UploadedFile
from vectord.storage.memory import MemoryStore

KEY = "uploads/t/f.jsonl"
OLDER, NEWER = (UploadedFile(KEY, f"etag-{one}", f"0{one}", 30) for one in (1, 2))
ROW_OF = {"etag-1": b'{"id": "a", "vector": [1, 0]}', "etag-2": b'{"id": "a", "vector": [0, 1]}'}


class OneFile:
    """An inbox with one file; `after_fetch` runs once, between the read of its bytes and their return."""

    bucket = "inbox"

    def __init__(self) -> None:
        self.present, self.reports = OLDER, dict[str, bytes]()
        self.after_fetch: Callable[[], object] = lambda: None

    def fetch(self, upload: UploadedFile) -> bytes:
        if upload.etag != self.present.etag:
            raise ConditionFailed("412")
        after, self.after_fetch = self.after_fetch, lambda: None
        after()
        return ROW_OF[upload.etag]

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        return None if upload.etag == self.present.etag else Replacement(self.present.etag, "2026-11-28T12:00:00+00:00")

    def write_report(self, key: str, body: bytes) -> None:
        self.reports[key] = body

    def read_report(self, key: str) -> StoredReport | None:
        return StoredReport(self.reports[key], "etag") if key in self.reports else None

    def remove_report(self, key: str, etag: str) -> None:
        self.reports.pop(key)

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        raise NotImplementedError


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def ingestion(inbox: OneFile, store: MemoryStore) -> Ingestion:
    return Ingestion(
        inbox,
        store,
        new_section_cache(),
        max_file_bytes=1 << 20,
        environment=Clock().environment(),
        retry_policy=RetryPolicy(),
    )


@pytest.mark.parametrize("shards", [1, 2])
def test_a_file_that_was_read_but_not_committed_before_a_newer_one_is_reported(store: MemoryStore, shards: int) -> None:
    a_service(store).create(NewIndex("t", 2, shards=shards), FOREVER)
    inbox = OneFile()
    ours = ingestion(inbox, store)

    def replace() -> None:
        inbox.present = NEWER
        assert ingestion(inbox, store).ingest(NEWER, FOREVER).outcome == "committed"

    inbox.after_fetch = replace
    assert ours.ingest(OLDER, FOREVER).outcome == "superseded"
    [stored] = a_service(store).get("t", ["a"], FOREVER).vectors
    assert list(stored.vector) == [0, 1]
    [key] = inbox.reports
    assert key.startswith("rejected/t/f.jsonl.superseded-")
