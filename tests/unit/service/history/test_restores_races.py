"""A restore undoes no write that it did not see, and is done once whatever becomes of the answer."""

import pytest

from tests.support.scripted_store import after, fails_with, loses_reply, loses_reply_then, no_reply, no_reply_then
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import Contended, OutcomeUnknown, PreconditionFailed, StorageSilent, WriteConflict


class TestInARace:
    def test_a_write_since_the_restore_began_is_never_undone(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, after(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_a_write_while_the_version_is_sought_is_never_undone(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on("versions", after(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_a_deletion_since_the_restore_began_is_never_undone(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, after(lambda: history.another().delete_index("t", FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.store.inner.list("", 10, None).objects == ()

    def test_a_conflict_is_tried_again(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, fails_with(WriteConflict()))
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[1]

    def test_conflicts_without_end_change_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, fails_with(WriteConflict()))
        with pytest.raises(Contended):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[3]


class TestWithoutAnAnswer:
    def test_a_lost_reply_is_recognised_and_the_restore_done_once(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, loses_reply)
        assert service.history.restore("t", history.etags[1], FOREVER).etag == history.store.inner.etag("t")
        assert history.count() == 5

    def test_a_lost_reply_is_recognised_under_what_others_wrote_since(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, loses_reply_then(history.add_late))
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present().keys() == {*"abcdefghij", "late"}

    def test_a_write_that_never_arrived_is_sent_again(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, no_reply)
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[1]

    def test_a_write_that_never_arrived_is_not_sent_again_over_another_one(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, no_reply_then(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_silence_to_the_end_leaves_it_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[1], FOREVER)

    def test_silence_from_the_beginning_changes_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always("head", no_reply)
        with pytest.raises(StorageSilent):
            service.history.restore("t", history.etags[1], FOREVER)
