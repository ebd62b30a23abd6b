"""A restore never undoes a concurrent write, and is committed at most once if replies are lost."""

import pytest

from tests.support.scripted_store import after, fails_with, loses_reply, loses_reply_then, no_reply, no_reply_then
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import Contended, OutcomeUnknown, PreconditionFailed, StorageSilent, WriteConflict


class TestRace:
    def test_a_concurrent_write_is_never_undone(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, after(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_a_write_while_versions_are_listed_is_never_undone(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on("versions", after(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_a_concurrent_deletion_is_never_undone(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, after(lambda: history.another().delete_index("t", FOREVER)))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.store.inner.list("", 10, None).objects == ()

    def test_a_conflict_is_retried(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, fails_with(WriteConflict()))
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[1]

    def test_endless_conflicts_change_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, fails_with(WriteConflict()))
        with pytest.raises(Contended):
            service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[3]


class TestWithoutAReply:
    def test_a_lost_reply_is_recognised_without_a_second_write(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, loses_reply)
        assert service.history.restore("t", history.etags[1], FOREVER).etag == history.store.inner.etag("t")
        assert history.count() == 5

    def test_a_lost_reply_is_recognised_after_a_later_commit(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, loses_reply_then(history.add_late))
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present().keys() == {*"abcdefghij", "late"}

    def test_a_write_that_never_arrived_is_sent_again(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, no_reply)
        service.history.restore("t", history.etags[1], FOREVER)
        assert history.present() == history.rows[1]

    def test_a_write_that_never_arrived_does_not_replace_a_later_one(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on(history.write, no_reply_then(history.add_late))
        with pytest.raises(PreconditionFailed):
            service.history.restore("t", history.etags[1], FOREVER)
        assert "late" in history.present()

    def test_without_any_reply_the_outcome_is_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.restore("t", history.etags[1], FOREVER)

    def test_if_the_first_read_fails_nothing_is_changed(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always("head", no_reply)
        with pytest.raises(StorageSilent):
            service.history.restore("t", history.etags[1], FOREVER)
