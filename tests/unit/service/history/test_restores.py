"""A restore makes an earlier state the present one, as a commit of its own."""

import pytest

from tests.support import shards
from tests.support.past import Past, Story
from tests.support.stores import ScriptedStore, after
from tests.support.worlds import FOREVER
from vectord.errors import BlobCorrupt, IndexNotFound, PreconditionFailed, RequestInvalid, VersionNotFound
from vectord.service.lifecycle import NewIndex
from vectord.service.values.options import WriteOptions
from vectord.service.values.results import NO_INDEX
from vectord.storage.base import IfMatch


class TestOfAnIndexThatIsThere:
    @pytest.mark.parametrize("number", range(4))
    def test_brings_back_what_the_index_was(self, story: Story, past: Past, number: int) -> None:
        past.history.restore("t", story.etags[number], FOREVER)
        assert story.present() == story.rows[number]

    def test_answers_the_state_that_it_made(self, story: Story, past: Past) -> None:
        done = past.history.restore("t", story.etags[1], FOREVER)
        assert (done.count, done.etag, done.params.name) == (10, story.store.inner.etag("t"), "t")

    def test_is_a_new_version_on_top_of_all_others(self, story: Story, past: Past) -> None:
        done = past.history.restore("t", story.etags[1], FOREVER)
        assert story.count() == 5
        assert done.etag not in story.etags

    def test_can_itself_be_undone(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[1], FOREVER)
        past.history.restore("t", story.etags[3], FOREVER)
        assert story.present() == story.rows[3]

    def test_can_be_changed_like_any_state(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[1], FOREVER)
        story.add_late()
        assert story.present().keys() == {*"abcdefghij", "late"}

    def test_is_by_time_as_well(self, story: Story, past: Past) -> None:
        past.history.restore("t", "2026-01-01T12:01:30Z", FOREVER)
        assert story.present() == story.rows[1]

    def test_remembers_what_was_applied_since(self, story: Story, past: Past) -> None:
        before = past.reads.present("t", FOREVER).index.applied
        past.history.restore("t", story.etags[1], FOREVER)
        assert set(before) <= set(past.reads.present("t", FOREVER).index.applied)

    def test_is_one_write_and_keeps_the_commit_beside_it(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[1], FOREVER)
        assert [call for call in story.store.calls if call[0] in {"put", "splice", "delete"}] == [(story.write, "t")]
        assert past.reads.present("t", FOREVER).index.has_applied("ours-1")

    def test_of_a_version_that_never_was_changes_nothing(self, story: Story, past: Past) -> None:
        with pytest.raises(VersionNotFound):
            past.history.restore("t", "nonesuch", FOREVER)
        assert story.count() == 4

    def test_of_a_version_that_cannot_be_read_changes_nothing(self, story: Story, past: Past) -> None:
        broken = story.store.inner.put("t", b"broken", IfMatch(story.etags[3]), "c")
        past.history.restore("t", story.etags[3], FOREVER)
        with pytest.raises(BlobCorrupt):
            past.history.restore("t", broken, FOREVER)
        assert story.present() == story.rows[3]


class TestUnderACondition:
    def test_at_the_version_named_it_is_done(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[1], FOREVER, WriteOptions({story.etags[3]}))
        assert story.present() == story.rows[1]

    @pytest.mark.parametrize("expected", [{'"old"'}, set(), {NO_INDEX}])
    def test_at_another_version_nothing_is_changed(self, story: Story, past: Past, expected: set[str]) -> None:
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER, WriteOptions(expected))
        assert story.count() == 4

    def test_of_a_deleted_index_a_version_of_it_is_another_one(self, story: Story, past: Past) -> None:
        story.writer.delete_index("t", FOREVER)
        with pytest.raises(PreconditionFailed):
            past.history.restore("t", story.etags[1], FOREVER, WriteOptions({story.etags[3]}))
        assert story.store.inner.list("", 10, None).objects == ()

    def test_of_a_deleted_index_no_index_may_be_asked_for(self, story: Story, past: Past) -> None:
        story.writer.delete_index("t", FOREVER)
        past.history.restore("t", story.etags[1], FOREVER, WriteOptions({NO_INDEX}))
        assert story.present() == story.rows[1]


class TestOfAPackedIndex:
    @pytest.fixture
    def story(self) -> Story:
        return Story(packed=True)

    def test_never_takes_the_body_out_of_the_store(self, story: Story, past: Past) -> None:
        past.history.restore("t", story.etags[2], FOREVER)
        assert story.store.count("put") == 0

    def test_of_a_version_that_goes_before_it_is_copied_changes_nothing(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(lambda: story.store.inner._history._versions["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            past.history.restore("t", story.etags[1], FOREVER)
        assert story.present() == story.rows[3]


@pytest.mark.parametrize("name", ["none", "t/1/0"])
def test_of_what_never_was_an_index_is_refused(name: str) -> None:
    with pytest.raises((IndexNotFound, VersionNotFound)):
        Past(ScriptedStore()).history.restore(name, "v1", FOREVER)


def test_of_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).history.restore("t", store.inner.versions("t", 1).versions[0].id, FOREVER)


def test_over_an_index_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    old = service.create(NewIndex("t", 2), FOREVER).etag
    service.delete_index("t", FOREVER)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    before = store.inner.etag("t")
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).history.restore("t", old, FOREVER)
    assert store.inner.etag("t") == before


def test_of_an_index_that_was_in_shards_is_refused() -> None:
    store = ScriptedStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", 2, shards=2), FOREVER)
    parent = store.inner.versions("t", 1).versions[0].id
    service.delete_index("t", FOREVER)
    with pytest.raises(RequestInvalid, match="shards"):
        Past(store).history.restore("t", parent, FOREVER)
