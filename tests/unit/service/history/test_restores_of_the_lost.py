"""A restore brings back an index that is deleted or cannot be read, and never replaces what came meanwhile."""

import pytest

from tests.support.past import Past, Story
from tests.support.stores import after, loses_reply, silence, silence_then
from tests.support.worlds import FOREVER
from vectord.errors import OutcomeUnknown, PreconditionFailed, VersionNotFound
from vectord.service.lifecycle import NewIndex
from vectord.storage.base import IfMatch, StoredObject


class TestOfAnIndexThatIsDeleted:
    @pytest.fixture(autouse=True)
    def deleted(self, story: Story) -> None:
        story.writer.delete_index("t", FOREVER)
        story.store.calls.clear()

    @pytest.mark.parametrize("number", range(4))
    def test_creates_it_again(self, story: Story, past: Past, number: int) -> None:
        done = past.history.restore("t", story.etags[number], FOREVER)
        assert story.present() == story.rows[number]
        assert (done.count, done.etag) == (len(story.rows[number]), story.store.inner.etag("t"))

    def test_never_replaces_an_index_that_was_created_meanwhile(self, story: Story, past: Past) -> None:
        story.store.on(story.write, after(lambda: story.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert story.another().describe("t", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, story: Story, past: Past) -> None:
        story.store.on(story.write, loses_reply)
        past.history.restore("t", story.etags[1], FOREVER)
        assert (story.present(), story.count()) == (story.rows[1], 6)

    def test_an_index_created_after_a_write_that_never_arrived_stays(self, story: Story, past: Past) -> None:
        story.store.on(story.write, silence_then(lambda: story.another().create(NewIndex("t", 3), FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER)
        assert story.another().describe("t", FOREVER).params.dimension == 3

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past) -> None:
        story.store.always(story.write, silence)
        with pytest.raises(OutcomeUnknown):
            past.history.restore("t", story.etags[1], FOREVER)

    def test_of_its_deletion_is_refused(self, story: Story, past: Past) -> None:
        deletion = story.store.inner.versions("t", 1).versions[0].id
        with pytest.raises(VersionNotFound):
            past.history.restore("t", deletion, FOREVER)


class TestOfAnIndexThatCannotBeRead:
    @pytest.fixture(autouse=True)
    def broken(self, story: Story) -> str:
        return story.store.inner.put("t", b"broken", IfMatch(story.etags[3]), "c")

    def test_replaces_it(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_never_replaces_what_came_meanwhile(self, story: Story, past: Past, broken: str) -> None:
        story.store.on(story.write, after(lambda: story.store.inner.put("t", b"mended", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[3], FOREVER)
        found = story.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"mended"

    def test_never_replaces_what_came_while_the_version_is_sought(self, story: Story, past: Past, broken: str) -> None:
        story.store.on("versions", after(lambda: story.store.inner.put("t", b"mended", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[3], FOREVER)
        found = story.store.inner.get("t")
        assert isinstance(found, StoredObject)
        assert found.data == b"mended"

    def test_a_deletion_meanwhile_is_never_undone(self, story: Story, past: Past, broken: str) -> None:
        story.store.on(story.write, after(lambda: story.store.inner.delete("t", IfMatch(broken))))
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[3], FOREVER)
        assert story.store.inner.list("", 10, None).objects == ()

    def test_a_lost_reply_is_recognised(self, story: Story, past: Past) -> None:
        story.store.on(story.write, loses_reply)
        past.history.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past) -> None:
        story.store.always(story.write, silence)
        with pytest.raises(OutcomeUnknown):
            past.history.restore("t", story.etags[3], FOREVER)
