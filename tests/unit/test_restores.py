"""A restore makes an earlier state the present one, as a commit of its own; it undoes no write that it did not see."""

from collections.abc import Callable

import pytest

from tests.support import shards
from tests.support.compacting import vectors
from tests.support.past import Past, Story
from tests.support.stores import (
    ScriptedStore,
    after,
    answers,
    loses_reply,
    loses_reply_then,
    silence,
    silence_then,
)
from tests.support.worlds import FOREVER
from vectord.errors import (
    BlobCorrupt,
    Contended,
    IndexNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    RequestInvalid,
    StorageSilent,
    VersionNotFound,
    WriteConflict,
)
from vectord.service import NOTHING
from vectord.stores import Fetched, IfMatch


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def story(request: pytest.FixtureRequest) -> Story:
    return Story(packed=request.param)


@pytest.fixture
def past(story: Story) -> Past:
    return story.past()


@pytest.fixture
def write(story: Story) -> str:
    """The method of the store by which a commit of the story's index is written."""
    return "splice" if story.sizes.packed == 1 else "put"


def count(story: Story) -> int:
    return len(story.store.inner.versions("t", 100).versions)


def adds(story: Story) -> Callable[[], object]:
    """Return what has another process add a row."""
    return lambda: story.another().add("t", vectors("late"), FOREVER)


class TestOfAnIndexThatIsThere:
    @pytest.mark.parametrize("number", range(4))
    def test_brings_back_what_the_index_was(self, story: Story, past: Past, number: int) -> None:
        past.restores.restore("t", story.etags[number], FOREVER)
        assert story.present() == story.rows[number]

    def test_answers_the_state_that_it_made(self, story: Story, past: Past) -> None:
        done = past.restores.restore("t", story.etags[1], FOREVER)
        assert (done.count, done.etag, done.params.name) == (10, story.store.inner.etag("t"), "t")

    def test_is_a_new_version_on_top_of_all_others(self, story: Story, past: Past) -> None:
        done = past.restores.restore("t", story.etags[1], FOREVER)
        assert count(story) == 5
        assert done.etag not in story.etags

    def test_can_itself_be_undone(self, story: Story, past: Past) -> None:
        past.restores.restore("t", story.etags[1], FOREVER)
        past.restores.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_can_be_changed_like_any_state(self, story: Story, past: Past) -> None:
        past.restores.restore("t", story.etags[1], FOREVER)
        adds(story)()
        assert story.present().keys() == {*"abcdefghij", "late"}

    def test_is_by_time_as_well(self, story: Story, past: Past) -> None:
        past.restores.restore("t", "2026-01-01T12:01:30Z", FOREVER)
        assert story.present() == story.rows[1]

    def test_remembers_what_was_applied_since(self, story: Story, past: Past) -> None:
        before = past.reads.state("t", FOREVER).index.applied
        past.restores.restore("t", story.etags[1], FOREVER)
        assert set(before) <= set(past.reads.state("t", FOREVER).index.applied)

    def test_is_one_write_and_keeps_the_commit_beside_it(self, story: Story, past: Past, write: str) -> None:
        past.restores.restore("t", story.etags[1], FOREVER)
        assert [call for call in story.store.calls if call[0] in {"put", "splice", "delete"}] == [(write, "t")]
        assert past.reads.state("t", FOREVER).index.has_applied("ours-1")

    def test_of_a_version_that_never_was_changes_nothing(self, story: Story, past: Past) -> None:
        with pytest.raises(VersionNotFound):
            past.restores.restore("t", "nonesuch", FOREVER)
        assert count(story) == 4

    def test_of_a_version_that_cannot_be_read_changes_nothing(self, story: Story, past: Past) -> None:
        broken = story.store.inner.put("t", b"broken", IfMatch(story.etags[3]), "c")
        past.restores.restore("t", story.etags[3], FOREVER)
        with pytest.raises(BlobCorrupt):
            past.restores.restore("t", broken, FOREVER)
        assert story.present() == story.rows[3]


class TestUnderACondition:
    def test_at_the_version_named_it_is_done(self, story: Story, past: Past) -> None:
        past.restores.restore("t", story.etags[1], FOREVER, {story.etags[3]})
        assert story.present() == story.rows[1]

    @pytest.mark.parametrize("expected", [{'"old"'}, set(), {NOTHING}])
    def test_at_another_version_nothing_is_changed(self, story: Story, past: Past, expected: set[str]) -> None:
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER, expected)
        assert count(story) == 4

    def test_of_a_deleted_index_a_version_of_it_is_another_one(self, story: Story, past: Past) -> None:
        story.writer.delete_index("t", FOREVER)
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER, {story.etags[3]})
        assert story.store.inner.list("", 10, None).objects == ()

    def test_of_a_deleted_index_no_index_may_be_asked_for(self, story: Story, past: Past) -> None:
        story.writer.delete_index("t", FOREVER)
        past.restores.restore("t", story.etags[1], FOREVER, {NOTHING})
        assert story.present() == story.rows[1]


class TestInARace:
    def test_a_write_since_the_restore_began_is_never_undone(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, after(adds(story)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_a_write_while_the_version_is_sought_is_never_undone(self, story: Story, past: Past) -> None:
        story.store.on("versions", after(adds(story)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_a_deletion_since_the_restore_began_is_never_undone(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, after(lambda: story.another().delete_index("t", FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert story.store.inner.list("", 10, None).objects == ()

    def test_a_conflict_is_tried_again(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, answers(WriteConflict()))
        past.restores.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[1]

    def test_conflicts_without_end_change_nothing(self, story: Story, past: Past, write: str) -> None:
        story.store.always(write, answers(WriteConflict()))
        with pytest.raises(Contended):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[3]


class TestWithoutAnAnswer:
    def test_a_lost_reply_is_recognised_and_the_restore_done_once(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, loses_reply)
        assert past.restores.restore("t", story.etags[1], FOREVER).etag == story.store.inner.etag("t")
        assert count(story) == 5

    def test_a_lost_reply_is_recognised_under_what_others_wrote_since(
        self, story: Story, past: Past, write: str
    ) -> None:
        story.store.on(write, loses_reply_then(adds(story)))
        past.restores.restore("t", story.etags[1], FOREVER)
        assert story.present().keys() == {*"abcdefghij", "late"}

    def test_a_write_that_never_arrived_is_sent_again(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, silence)
        past.restores.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[1]

    def test_a_write_that_never_arrived_is_not_sent_again_over_another_one(
        self, story: Story, past: Past, write: str
    ) -> None:
        story.store.on(write, silence_then(adds(story)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert "late" in story.present()

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past, write: str) -> None:
        story.store.always(write, silence)
        with pytest.raises(OutcomeUnknown):
            past.restores.restore("t", story.etags[1], FOREVER)

    def test_silence_from_the_beginning_changes_nothing(self, story: Story, past: Past) -> None:
        story.store.always("head", silence)
        with pytest.raises(StorageSilent):
            past.restores.restore("t", story.etags[1], FOREVER)


class TestOfAnIndexThatIsDeleted:
    @pytest.fixture(autouse=True)
    def deleted(self, story: Story) -> None:
        story.writer.delete_index("t", FOREVER)
        story.store.calls.clear()

    @pytest.mark.parametrize("number", range(4))
    def test_creates_it_again(self, story: Story, past: Past, number: int) -> None:
        done = past.restores.restore("t", story.etags[number], FOREVER)
        assert story.present() == story.rows[number]
        assert (done.count, done.etag) == (len(story.rows[number]), story.store.inner.etag("t"))

    def test_never_replaces_an_index_that_was_created_meanwhile(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, after(lambda: story.another().create("t", 3, until=FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert story.another().describe("t", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, loses_reply)
        past.restores.restore("t", story.etags[1], FOREVER)
        assert (story.present(), count(story)) == (story.rows[1], 6)

    def test_an_index_created_after_a_write_that_never_arrived_stays(
        self, story: Story, past: Past, write: str
    ) -> None:
        story.store.on(write, silence_then(lambda: story.another().create("t", 3, until=FOREVER)))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert story.another().describe("t", FOREVER).params.dimension == 3

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past, write: str) -> None:
        story.store.always(write, silence)
        with pytest.raises(OutcomeUnknown):
            past.restores.restore("t", story.etags[1], FOREVER)

    def test_of_its_deletion_is_refused(self, story: Story, past: Past) -> None:
        deletion = story.store.inner.versions("t", 1).versions[0].id
        with pytest.raises(VersionNotFound):
            past.restores.restore("t", deletion, FOREVER)


class TestOfAnIndexThatCannotBeRead:
    @pytest.fixture(autouse=True)
    def broken(self, story: Story) -> str:
        return story.store.inner.put("t", b"broken", IfMatch(story.etags[3]), "c")

    def test_replaces_it(self, story: Story, past: Past) -> None:
        past.restores.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_never_replaces_what_came_meanwhile(self, story: Story, past: Past, write: str, broken: str) -> None:
        story.store.on(write, after(lambda: story.store.inner.put("t", b"mended", IfMatch(broken), "c")))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[3], FOREVER)
        found = story.store.inner.get("t")
        assert isinstance(found, Fetched)
        assert found.data == b"mended"

    def test_a_deletion_meanwhile_is_never_undone(self, story: Story, past: Past, write: str, broken: str) -> None:
        story.store.on(write, after(lambda: story.store.inner.delete("t", IfMatch(broken))))
        with pytest.raises(PreconditionFailed):
            past.restores.restore("t", story.etags[3], FOREVER)
        assert story.store.inner.list("", 10, None).objects == ()

    def test_a_lost_reply_is_recognised(self, story: Story, past: Past, write: str) -> None:
        story.store.on(write, loses_reply)
        past.restores.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past, write: str) -> None:
        story.store.always(write, silence)
        with pytest.raises(OutcomeUnknown):
            past.restores.restore("t", story.etags[3], FOREVER)


class TestOfAPackedIndex:
    @pytest.fixture
    def story(self) -> Story:
        return Story(packed=True)

    def test_never_takes_the_body_out_of_the_store(self, story: Story, past: Past) -> None:
        past.restores.restore("t", story.etags[2], FOREVER)
        assert story.store.count("put") == 0

    def test_of_a_version_that_goes_before_it_is_copied_changes_nothing(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(lambda: story.store.inner._history._of["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            past.restores.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[3]


@pytest.mark.parametrize("name", ["none", "t/1/0"])
def test_of_what_never_was_an_index_is_refused(name: str) -> None:
    with pytest.raises((IndexNotFound, VersionNotFound)):
        Past(ScriptedStore()).restores.restore(name, "v1", FOREVER)


def test_of_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    shards.a_service(store).create("t", 2, shards=2, until=FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).restores.restore("t", store.inner.versions("t", 1).versions[0].id, FOREVER)


def test_over_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    old = service.create("t", 2, until=FOREVER).etag
    service.delete_index("t", FOREVER)
    service.create("t", 2, shards=2, until=FOREVER)
    before = store.inner.etag("t")
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).restores.restore("t", old, FOREVER)
    assert store.inner.etag("t") == before


def test_of_an_index_that_was_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    service.create("t", 2, shards=2, until=FOREVER)
    parent = store.inner.versions("t", 1).versions[0].id
    service.delete_index("t", FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).restores.restore("t", parent, FOREVER)
