"""A copy is an index of its own that holds what the original held at one moment; it never replaces another index."""

import pytest

from tests.support import shards
from tests.support.compacting import vectors
from tests.support.past import Past, Story
from tests.support.stores import ScriptedStore, after, answers, loses_reply, silence
from tests.support.worlds import FOREVER
from vectord.errors import (
    BlobCorrupt,
    Contended,
    IndexExists,
    IndexNotFound,
    OutcomeUnknown,
    RequestInvalid,
    VersionNotFound,
    WriteConflict,
)
from vectord.service.lifecycle import NewIndex
from vectord.service.snapshots import cache
from vectord.service.values.selection import Selection
from vectord.storage.base import IfMatch, StoredObject


def test_holds_what_the_original_holds(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    assert story.present("u") == story.rows[3]


def test_holds_what_the_original_held(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER, story.etags[1])
    assert story.present("u") == story.rows[1]


def test_leaves_the_original_as_it_is(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    assert story.store.inner.etag("t") == story.etags[3]


def test_answers_the_new_index(story: Story, past: Past) -> None:
    done = past.history.copy("t", "u", FOREVER)
    assert (done.params.name, done.count, done.etag) == ("u", 10, story.store.inner.etag("u"))


def test_bears_its_own_name_and_the_parameters_of_the_original(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    original, copy = (story.another().describe(name, FOREVER).params for name in "tu")
    assert (copy.name, copy.dimension, copy.distance) == ("u", original.dimension, original.distance)


def test_is_a_commit_of_its_own_that_remembers_no_other(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    assert past.reads.present("u", FOREVER).index.applied == ("ours-1",)


def test_is_changed_without_the_original(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    story.another().add("u", vectors("late"), FOREVER)
    story.another("more").delete("t", Selection(["b"]), FOREVER)
    assert story.present("u").keys() == {*"bcdefghijk", "late"}
    assert story.present("t").keys() == {*"cdefghijk"}


def test_outlives_the_original(story: Story, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    story.writer.delete_index("t", FOREVER)
    assert story.present("u") == story.rows[3]


def test_of_an_index_that_was_deleted_is_of_a_version(story: Story, past: Past) -> None:
    story.writer.delete_index("t", FOREVER)
    past.history.copy("t", "u", FOREVER, story.etags[2])
    assert (story.present("u"), story.names()) == (story.rows[2], ["u"])


def test_the_body_of_a_packed_index_never_leaves_the_store() -> None:
    story = Story(packed=True)
    story.past().history.copy("t", "u", FOREVER)
    assert (story.store.count("splice"), story.store.count("put")) == (1, 0)


class TestRefused:
    @pytest.mark.parametrize("to", ["", ".hidden", "a/b", "a b", "x" * 129, "t/1/0"])
    def test_to_what_is_no_name(self, story: Story, past: Past, to: str) -> None:
        with pytest.raises(RequestInvalid, match="name"):
            past.history.copy("t", to, FOREVER)
        assert story.store.calls == []

    @pytest.mark.parametrize("to", ["t", "there"])
    def test_to_an_index_that_is_there(self, story: Story, past: Past, to: str) -> None:
        story.writer.create(NewIndex("there", 3), FOREVER)
        etags = [story.store.inner.etag(name) for name in ("t", "there")]
        with pytest.raises(IndexExists):
            past.history.copy("t", to, FOREVER)
        assert [story.store.inner.etag(name) for name in ("t", "there")] == etags

    @pytest.mark.parametrize("name", ["none", "t/1/0", "t?v"])
    def test_of_what_is_no_index(self, story: Story, past: Past, name: str) -> None:
        with pytest.raises(IndexNotFound):
            past.history.copy(name, "u", FOREVER)
        assert story.names() == ["t"]

    def test_of_a_version_that_never_was(self, story: Story, past: Past) -> None:
        with pytest.raises(VersionNotFound):
            past.history.copy("t", "u", FOREVER, "nonesuch")
        assert story.names() == ["t"]

    def test_of_an_index_that_cannot_be_read(self, story: Story, past: Past) -> None:
        story.store.inner.put("t", b"broken", IfMatch(story.etags[3]), "c")
        with pytest.raises(BlobCorrupt):
            past.history.copy("t", "u", FOREVER)
        assert story.names() == ["t"]

    def test_of_an_index_in_shards(self) -> None:
        store = ScriptedStore()
        shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
        with pytest.raises(RequestInvalid, match="shards"):
            Past(store).history.copy("t", "u", FOREVER)


class TestInARace:
    def test_an_index_created_meanwhile_stays(self, story: Story, past: Past) -> None:
        story.store.on(story.write, after(lambda: story.another().create(NewIndex("u", 3), FOREVER)))
        with pytest.raises(IndexExists):
            past.history.copy("t", "u", FOREVER)
        assert story.another().describe("u", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, story: Story, past: Past) -> None:
        story.store.on(story.write, loses_reply)
        assert past.history.copy("t", "u", FOREVER).etag == story.store.inner.etag("u")

    def test_a_write_that_never_arrived_is_sent_again(self, story: Story, past: Past) -> None:
        story.store.on(story.write, silence)
        past.history.copy("t", "u", FOREVER)
        assert story.present("u") == story.rows[3]

    def test_silence_to_the_end_leaves_it_unknown(self, story: Story, past: Past) -> None:
        story.store.always(story.write, silence)
        with pytest.raises(OutcomeUnknown):
            past.history.copy("t", "u", FOREVER)

    def test_conflicts_without_end_change_nothing(self, story: Story, past: Past) -> None:
        story.store.always(story.write, answers(WriteConflict()))
        with pytest.raises(Contended):
            past.history.copy("t", "u", FOREVER)
        assert story.names() == ["t"]


class TestOfAPackedIndexThatMoves:
    @pytest.fixture
    def story(self) -> Story:
        return Story(packed=True)

    def test_starts_over_with_what_it_is_by_then(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(story.add_late))
        past.history.copy("t", "u", FOREVER)
        assert story.present("u") == story.present("t")
        assert "late" in story.present("u")

    def test_names_the_original_where_ranges_of_it_are_corrupt(
        self, story: Story, past: Past, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "HEAD_BYTES", 256)
        for one in "lmn":  # so many pieces of a tail are read to be made one
            story.writer.add("t", vectors(one), FOREVER)
        blob = story.store.inner.get("t")
        assert isinstance(blob, StoredObject)
        story.store.inner.put("t", blob.data[:-1] + bytes([blob.data[-1] ^ 1]), IfMatch(blob.etag), "c")
        with pytest.raises(BlobCorrupt) as caught:
            past.history.copy("t", "u", FOREVER)
        assert caught.value.index == "t"

    def test_is_refused_once_it_is_deleted(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(lambda: story.another().delete_index("t", FOREVER)))
        with pytest.raises(IndexNotFound):
            past.history.copy("t", "u", FOREVER)
        assert story.names() == []

    def test_is_given_up_when_it_never_stands_still(self, story: Story, past: Past) -> None:
        numbers = iter(range(100))

        def moves() -> None:
            number = next(numbers)
            story.another(f"other-{number}").add("t", vectors(f"late-{number}"), FOREVER)

        story.store.always("splice", after(moves))
        with pytest.raises(Contended):
            past.history.copy("t", "u", FOREVER)
        assert story.names() == ["t"]

    def test_stays_a_copy_of_the_version_that_was_asked_for(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(story.add_late))
        past.history.copy("t", "u", FOREVER, story.etags[3])
        assert story.present("u") == story.rows[3]

    def test_of_a_version_that_goes_before_it_is_copied_is_refused(self, story: Story, past: Past) -> None:
        story.store.on("splice", after(lambda: story.store.inner._history._versions["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            past.history.copy("t", "u", FOREVER, story.etags[1])
        assert story.names() == ["t"]
