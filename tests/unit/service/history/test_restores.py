"""A restore makes an earlier state the present one, as a commit of its own."""

import pytest

from tests.support import shards
from tests.support.scripted_store import ScriptedStore, after
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import BlobCorrupt, IndexNotFound, PreconditionFailed, RequestInvalid, VersionNotFound
from vectord.service.lifecycle import NewIndex
from vectord.service.values.options import WriteOptions
from vectord.service.values.results import NO_INDEX
from vectord.storage.base import IfMatch


class TestOfAnIndexThatIsThere:
    @pytest.mark.parametrize("number", range(4))
    def test_brings_back_what_the_index_was(self, history: IndexHistory, service: HistoryService, number: int) -> None:
        service.history.restore("t", history.etags[number], FOREVER)
        assert history.present() == history.rows[number]

    def test_answers_the_state_that_it_made(self, history: IndexHistory, service: HistoryService) -> None:
        done = service.history.restore("t", history.etags[1], FOREVER)
        assert (done.count, done.etag, done.params.name) == (10, history.store.inner.etag("t"), "t")

    def test_is_a_new_version_on_top_of_all_others(self, history: IndexHistory, service: HistoryService) -> None:
        done = service.history.restore("t", history.etags[1], FOREVER)
        assert history.count() == 5
        assert done.etag not in history.etags

    def test_can_itself_be_undone(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        service.history.restore("t", history.etags[3], FOREVER)
        assert history.present() == history.rows[3]

    def test_can_be_changed_like_any_state(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        history.add_late()
        assert history.present().keys() == {*"abcdefghij", "late"}

    def test_is_by_time_as_well(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", "2026-01-01T12:01:30Z", FOREVER)
        assert history.present() == history.rows[1]

    def test_remembers_what_was_applied_since(self, history: IndexHistory, service: HistoryService) -> None:
        before = service.reads.present("t", FOREVER).index.applied
        service.history.restore("t", history.etags[1], FOREVER)
        assert set(before) <= set(service.reads.present("t", FOREVER).index.applied)

    def test_is_one_write_and_keeps_the_commit_beside_it(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER)
        assert [call for call in history.store.calls if call[0] in {"put", "splice", "delete"}] == [
            (history.write, "t")
        ]
        assert service.reads.present("t", FOREVER).index.has_applied("ours-1")

    def test_of_a_version_that_never_was_changes_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        with pytest.raises(VersionNotFound):
            service.history.restore("t", "nonesuch", FOREVER)
        assert history.count() == 4

    def test_of_a_version_that_cannot_be_read_changes_nothing(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        broken = history.store.inner.put("t", b"broken", IfMatch(history.etags[3]), "c")
        service.history.restore("t", history.etags[3], FOREVER)
        with pytest.raises(BlobCorrupt):
            service.history.restore("t", broken, FOREVER)
        assert history.present() == history.rows[3]


class TestUnderACondition:
    def test_at_the_version_named_it_is_done(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[1], FOREVER, WriteOptions({history.etags[3]}))
        assert history.present() == history.rows[1]

    @pytest.mark.parametrize("expected", [{'"old"'}, set(), {NO_INDEX}])
    def test_at_another_version_nothing_is_changed(
        self, history: IndexHistory, service: HistoryService, expected: set[str]
    ) -> None:
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER, WriteOptions(expected))
        assert history.count() == 4

    def test_of_a_deleted_index_a_version_of_it_is_another_one(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.writer.delete_index("t", FOREVER)
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER, WriteOptions({history.etags[3]}))
        assert history.store.inner.list("", 10, None).objects == ()

    def test_of_a_deleted_index_no_index_may_be_asked_for(self, history: IndexHistory, service: HistoryService) -> None:
        history.writer.delete_index("t", FOREVER)
        service.history.restore("t", history.etags[1], FOREVER, WriteOptions({NO_INDEX}))
        assert history.present() == history.rows[1]


class TestOfAPackedIndex:
    @pytest.fixture
    def history(self) -> IndexHistory:
        return IndexHistory(packed=True)

    def test_never_takes_the_body_out_of_the_store(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[2], FOREVER)
        assert history.store.count("put") == 0

    def test_of_a_version_that_goes_before_it_is_copied_changes_nothing(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on("splice", after(lambda: history.store.inner._history._versions["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[3]


@pytest.mark.parametrize("name", ["none", "t/1/0"])
def test_of_what_never_was_an_index_is_refused(name: str) -> None:
    with pytest.raises((IndexNotFound, VersionNotFound)):
        HistoryService(ScriptedStore()).history.restore(name, "v1", FOREVER)


def test_of_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", store.inner.versions("t", 1).versions[0].id, FOREVER)


def test_over_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    old = service.create(NewIndex("t", 2), FOREVER).etag
    service.delete_index("t", FOREVER)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    before = store.inner.etag("t")
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", old, FOREVER)
    assert store.inner.etag("t") == before


def test_of_an_index_that_was_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    parent = store.inner.versions("t", 1).versions[0].id
    service.delete_index("t", FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        HistoryService(store).history.restore("t", parent, FOREVER)
