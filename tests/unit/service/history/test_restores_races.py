"""A restore undoes no write that it did not see, and is done once whatever becomes of the answer."""

import pytest

from tests.support.past import Past, Story
from tests.support.stores import after, answers, loses_reply, loses_reply_then, silence, silence_then
from tests.support.worlds import FOREVER
from vectord.errors import Contended, OutcomeUnknown, PreconditionFailed, StorageSilent, WriteConflict


class TestInARace:
    def test_a_write_since_the_restore_began_is_never_undone(self, story: Story, past: Past) -> None:
        story.store.on(story.write, after(story.add_late))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_a_write_while_the_version_is_sought_is_never_undone(self, story: Story, past: Past) -> None:
        story.store.on("versions", after(story.add_late))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_a_deletion_since_the_restore_began_is_never_undone(self, story: Story, past: Past) -> None:
        story.store.on(story.write, after(lambda: story.another().delete_index("t", FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert story.store.inner.list("", 10, None).objects == ()

    def test_a_conflict_is_tried_again(self, story: Story, past: Past) -> None:
        story.store.on(story.write, answers(WriteConflict()))
        past.history.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[1]

    def test_conflicts_without_end_change_nothing(self, story: Story, past: Past) -> None:
        story.store.always(story.write, answers(WriteConflict()))
        with pytest.raises(Contended):
            past.history.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[3]


class TestWithoutAnAnswer:
    def test_a_lost_reply_is_recognised_and_the_restore_done_once(self, story: Story, past: Past) -> None:
        story.store.on(story.write, loses_reply)
        assert past.history.restore("t", story.etags[1], FOREVER).etag == story.store.inner.etag("t")
        assert story.count() == 5

    def test_a_lost_reply_is_recognised_under_what_others_wrote_since(self, story: Story, past: Past) -> None:
        story.store.on(story.write, loses_reply_then(story.add_late))
        past.history.restore("t", story.etags[1], FOREVER)
        assert story.present().keys() == {*"abcdefghij", "late"}

    def test_a_write_that_never_arrived_is_sent_again(self, story: Story, past: Past) -> None:
        story.store.on(story.write, silence)
        past.history.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[1]

    def test_a_write_that_never_arrived_is_not_sent_again_over_another_one(self, story: Story, past: Past) -> None:
        story.store.on(story.write, silence_then(story.add_late))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past) -> None:
        story.store.always(story.write, silence)
        with pytest.raises(OutcomeUnknown):
            past.history.restore("t", story.etags[1], FOREVER)

    def test_silence_from_the_beginning_changes_nothing(self, story: Story, past: Past) -> None:
        story.store.always("head", silence)
        with pytest.raises(StorageSilent):
            past.history.restore("t", story.etags[1], FOREVER)
