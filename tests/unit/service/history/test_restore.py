"""A restore makes an earlier state the current one with a commit of its own."""

import pytest

from tests.support import shards
from tests.support.scripted_store import ScriptedStore, after
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import BlobCorrupt, IndexNotFound, PreconditionFailed, RequestInvalid, VersionNotFound
from vectord.index import mutations
from vectord.service.values.options import NO_INDEX_ETAG, NewIndex, WriteOptions
from vectord.storage.base import IfMatch


class TestOfAnExistingIndex:
    @pytest.mark.parametrize("number", range(4))
    def test_makes_the_vectors_of_the_version_current(
        self, history: IndexHistory, service: HistoryService, number: int
    ) -> None:
        service.history.restore("t", history.etags[number], FOREVER)
        assert history.present() == history.rows[number]

    def test_returns_the_new_state(self, history: IndexHistory, service: HistoryService) -> None:
        done = service.history.restore("t", history.etags[1], FOREVER)
        assert (done.count, done.etag, done.params.name) == (10, history.store.inner.etag("t"), "t")

    def test_is_a_new_version_after_all_others(self, history: IndexHistory, service: HistoryService) -> None:
        done = service.history.restore("t", history.etags[1], FOREVER)
        assert history.count() == 5
        assert done.etag not in history.etags

    def test_can_itself_be_undone(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        service.history.restore("t", history.etags[3], FOREVER)
        assert history.present() == history.rows[3]

    def test_the_restored_index_can_be_changed(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        history.add_late()
        assert history.present().keys() == {*"abcdefghij", "late"}

    def test_accepts_a_time(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", "2026-01-01T12:01:30Z", FOREVER)
        assert history.present() == history.rows[1]

    def test_keeps_the_record_of_later_commits(self, history: IndexHistory, service: HistoryService) -> None:
        before = service.reads.present("t", FOREVER).index.applied
        service.history.restore("t", history.etags[1], FOREVER)
        assert set(before) <= set(service.reads.present("t", FOREVER).index.applied)

    def test_keeps_the_identity_of_the_index_also_of_a_deleted_one(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        before = mutations.identity_of(service.reads.present("t", FOREVER).index)
        service.history.restore("t", history.etags[1], FOREVER)
        history.writer.delete_index("t", FOREVER)
        service.history.restore("t", history.etags[2], FOREVER)
        assert mutations.identity_of(service.reads.present("t", FOREVER).index) == before != ""

    def test_is_one_write_that_records_its_commit(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        requests = history.store.requests()
        assert requests["put"] + requests["splice"] + requests["delete"] == requests[history.write] == 1
        assert service.reads.present("t", FOREVER).index.has_applied("ours-1")

    def test_of_a_missing_version_changes_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        with pytest.raises(VersionNotFound):
            service.history.restore("t", "nonesuch", FOREVER)
        assert history.count() == 4

    def test_of_an_unreadable_version_changes_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        broken = history.store.inner.put("t", b"broken", IfMatch(history.etags[3]), "c")
        service.history.restore("t", history.etags[3], FOREVER)
        with pytest.raises(BlobCorrupt):
            service.history.restore("t", broken, FOREVER)
        assert history.present() == history.rows[3]


class TestIfMatch:
    def test_at_the_current_etag_succeeds(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER, WriteOptions({history.etags[3]}))
        assert history.present() == history.rows[1]

    @pytest.mark.parametrize("expected", [{'"old"'}, set(), {NO_INDEX_ETAG}])
    def test_at_another_etag_changes_nothing(
        self, history: IndexHistory, service: HistoryService, expected: set[str]
    ) -> None:
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER, WriteOptions(expected))
        assert history.count() == 4

    def test_of_a_deleted_index_no_etag_matches(self, history: IndexHistory, service: HistoryService) -> None:
        history.writer.delete_index("t", FOREVER)
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER, WriteOptions({history.etags[3]}))
        assert history.store.inner.list("", 10, None).objects == ()

    def test_of_a_deleted_index_accepts_if_none_match(self, history: IndexHistory, service: HistoryService) -> None:
        history.writer.delete_index("t", FOREVER)
        service.history.restore("t", history.etags[1], FOREVER, WriteOptions({NO_INDEX_ETAG}))
        assert history.present() == history.rows[1]


class TestOfAPackedIndex:
    @pytest.fixture
    def history(self) -> IndexHistory:
        return IndexHistory(packed=True)

    def test_does_not_download_the_body(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[2], FOREVER)
        assert history.store.count("put") == 0

    def test_of_a_version_that_is_removed_meanwhile_changes_nothing(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on("splice", after(lambda: history.store.inner._history._versions["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[3]


@pytest.mark.parametrize("name", ["none", "t/1/0"])
def test_a_restore_of_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises((IndexNotFound, VersionNotFound)):
        HistoryService(ScriptedStore()).history.restore(name, "v1", FOREVER)


def test_a_restore_of_a_sharded_index_is_refused() -> None:
    store = ScriptedStore()
    shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", store.inner.versions("t", 1).versions[0].id, FOREVER)


def test_a_restore_over_a_sharded_index_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    old = service.create(NewIndex("t", 2), FOREVER).etag
    service.delete_index("t", FOREVER)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    before = store.inner.etag("t")
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", old, FOREVER)
    assert store.inner.etag("t") == before


def test_a_restore_of_a_formerly_sharded_index_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    parent = store.inner.versions("t", 1).versions[0].id
    service.delete_index("t", FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", parent, FOREVER)
