"""A restore replaces a deleted or unreadable index, and never an object written concurrently."""

import pytest

from tests.support.scripted_store import after, fails_with, loses_reply, no_reply, no_reply_then
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import Contended, OutcomeUnknown, PreconditionFailed, VersionNotFound, WriteConflict
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfMatch, StoredObject


class TestOfADeletedIndex:
    @pytest.fixture(autouse=True)
    def deleted(self, history: IndexHistory) -> None:
        history.writer.delete_index("t", FOREVER)
        history.store.calls.clear()

    @pytest.mark.parametrize("number", range(4))
    def test_recreates_it(self, history: IndexHistory, service: HistoryService, number: int) -> None:
        done = service.history.restore("t", history.etags[number], FOREVER)
        assert history.present() == history.rows[number]
        assert (done.count, done.etag) == (len(history.rows[number]), history.store.inner.etag("t"))

    def test_never_replaces_an_index_created_concurrently(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, after(lambda: history.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.another().describe("t", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, loses_reply)
        service.history.restore("t", history.etags[1], FOREVER)
        assert (history.present(), history.count()) == (history.rows[1], 6)

    def test_an_index_created_after_a_lost_request_is_kept(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, no_reply_then(lambda: history.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.another().describe("t", FOREVER).params.dimension == 3

    def test_without_any_reply_the_outcome_is_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[1], FOREVER)

    def test_to_its_deletion_marker_is_refused(self, history: IndexHistory, service: HistoryService) -> None:
        deletion = history.store.inner.versions("t", 1).versions[0].id
        with pytest.raises(VersionNotFound):
            service.history.restore("t", deletion, FOREVER)


class TestOfAnUnreadableIndex:
    @pytest.fixture(autouse=True)
    def broken(self, history: IndexHistory) -> str:
        return history.store.inner.put("t", b"broken", IfMatch(history.etags[3]), "c")

    def test_replaces_it(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[3], FOREVER)
        assert history.present() == history.rows[3]

    def test_never_replaces_an_object_written_concurrently(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.on(history.write, after(lambda: history.store.inner.put("t", b"repaired", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[3], FOREVER)
        found = history.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"repaired"

    def test_never_replaces_an_object_written_while_versions_are_listed(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.on("versions", after(lambda: history.store.inner.put("t", b"repaired", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[3], FOREVER)
        found = history.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"repaired"

    def test_a_concurrent_deletion_is_never_undone(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.on(history.write, after(lambda: history.store.inner.delete("t", IfMatch(broken))))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[3], FOREVER)
        assert history.store.inner.list("", 10, None).objects == ()

    def test_a_lost_reply_is_recognised(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, loses_reply)
        service.history.restore("t", history.etags[3], FOREVER)
        assert history.present() == history.rows[3]

    def test_without_any_reply_the_outcome_is_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[3], FOREVER)

    def test_endless_conflicts_are_not_a_failed_precondition(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.always(history.write, fails_with(WriteConflict()))
        with pytest.raises(Contended):
            service.history.restore("t", history.etags[3], FOREVER)
        assert history.store.inner.etag("t") == broken
