"""A restore brings back an index that is deleted or cannot be read, and never replaces what came meanwhile."""

import pytest

from tests.support.scripted_store import after, loses_reply, no_reply, no_reply_then
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import OutcomeUnknown, PreconditionFailed, VersionNotFound
from vectord.service.lifecycle import NewIndex
from vectord.storage.base import IfMatch, StoredObject


class TestOfAnIndexThatIsDeleted:
    @pytest.fixture(autouse=True)
    def deleted(self, history: IndexHistory) -> None:
        history.writer.delete_index("t", FOREVER)
        history.store.calls.clear()

    @pytest.mark.parametrize("number", range(4))
    def test_creates_it_again(self, history: IndexHistory, service: HistoryService, number: int) -> None:
        done = service.history.restore("t", history.etags[number], FOREVER)
        assert history.present() == history.rows[number]
        assert (done.count, done.etag) == (len(history.rows[number]), history.store.inner.etag("t"))

    def test_never_replaces_an_index_that_was_created_meanwhile(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, after(lambda: history.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.another().describe("t", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, loses_reply)
        service.history.restore("t", history.etags[1], FOREVER)
        assert (history.present(), history.count()) == (history.rows[1], 6)

    def test_an_index_created_after_a_write_that_never_arrived_stays(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, no_reply_then(lambda: history.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.another().describe("t", FOREVER).params.dimension == 3

    def test_silence_to_the_end_leaves_it_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[1], FOREVER)

    def test_of_its_deletion_is_refused(self, history: IndexHistory, service: HistoryService) -> None:
        deletion = history.store.inner.versions("t", 1).versions[0].id
        with pytest.raises(VersionNotFound):
            service.history.restore("t", deletion, FOREVER)


class TestOfAnIndexThatCannotBeRead:
    @pytest.fixture(autouse=True)
    def broken(self, history: IndexHistory) -> str:
        return history.store.inner.put("t", b"broken", IfMatch(history.etags[3]), "c")

    def test_replaces_it(self, history: IndexHistory, service: HistoryService) -> None:
        service.history.restore("t", history.etags[3], FOREVER)
        assert history.present() == history.rows[3]

    def test_never_replaces_what_came_meanwhile(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.on(history.write, after(lambda: history.store.inner.put("t", b"mended", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[3], FOREVER)
        found = history.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"mended"

    def test_never_replaces_what_came_while_the_version_is_sought(
        self, history: IndexHistory, service: HistoryService, broken: str
    ) -> None:
        history.store.on("versions", after(lambda: history.store.inner.put("t", b"mended", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[3], FOREVER)
        found = history.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"mended"

    def test_a_deletion_meanwhile_is_never_undone(
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

    def test_silence_to_the_end_leaves_it_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[3], FOREVER)
