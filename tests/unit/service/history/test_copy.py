"""A copy is an independent index with the state of the original at one moment; it never replaces an index."""

import msgspec
import pytest
from msgspec import structs

from tests.support import shards
from tests.support.compactions import vectors
from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply, no_reply
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, IndexHistory
from vectord.errors import (
    BlobCorrupt,
    Contended,
    IndexExists,
    IndexNotFound,
    OutcomeUnknown,
    RequestInvalid,
    StorageSilent,
    VersionNotFound,
    WriteConflict,
)
from vectord.service.snapshots import cache
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfMatch, StoredObject


def test_a_copy_contains_the_vectors_of_the_original(history: IndexHistory, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER)
    assert history.present("u") == history.rows[3]


def test_a_copy_of_a_version_contains_the_vectors_of_that_version(
    history: IndexHistory, service: HistoryService
) -> None:
    service.history.copy("t", "u", FOREVER, history.etags[1])
    assert history.present("u") == history.rows[1]


def test_a_copy_does_not_change_the_original(history: IndexHistory, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER)
    assert history.store.inner.etag("t") == history.etags[3]


def test_a_copy_returns_the_new_index(history: IndexHistory, service: HistoryService) -> None:
    done = service.history.copy("t", "u", FOREVER)
    assert (done.params.name, done.count, done.etag) == ("u", 10, history.store.inner.etag("u"))


def test_a_copy_has_its_own_name_and_the_parameters_of_the_original(
    history: IndexHistory, service: HistoryService
) -> None:
    service.history.copy("t", "u", FOREVER)
    original, copy = (history.another().describe(name, FOREVER).params for name in "tu")
    assert (copy.name, copy.dimension, copy.distance) == ("u", original.dimension, original.distance)


def test_a_copy_records_only_its_own_commit_which_is_its_creation(
    history: IndexHistory, service: HistoryService
) -> None:
    service.history.copy("t", "u", FOREVER)
    assert service.reads.present("u", FOREVER).index.applied == ("c:ours-1", "ours-1")


def test_changes_of_a_copy_do_not_reach_the_original(history: IndexHistory, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER)
    history.another().add("u", vectors("late"), FOREVER)
    history.another("more").delete("t", Selection(["b"]), FOREVER)
    assert history.present("u").keys() == {*"bcdefghijk", "late"}
    assert history.present("t").keys() == {*"cdefghijk"}


def test_a_copy_remains_after_the_original_is_deleted(history: IndexHistory, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER)
    history.writer.delete_index("t", FOREVER)
    assert history.present("u") == history.rows[3]


def test_a_deleted_index_can_be_copied_at_a_version(history: IndexHistory, service: HistoryService) -> None:
    history.writer.delete_index("t", FOREVER)
    service.history.copy("t", "u", FOREVER, history.etags[2])
    assert (history.present("u"), history.names()) == (history.rows[2], ["u"])


def test_a_copy_of_a_packed_index_does_not_download_its_body() -> None:
    history = IndexHistory(packed=True)
    history.service().history.copy("t", "u", FOREVER)
    assert (history.store.count("splice"), history.store.count("put")) == (1, 0)


class TestRefused:
    @pytest.mark.parametrize("to", ["", ".hidden", "a/b", "a b", "x" * 129, "t/1/0"])
    def test_to_an_invalid_name(self, history: IndexHistory, service: HistoryService, to: str) -> None:
        with pytest.raises(RequestInvalid, match="name"):
            service.history.copy("t", to, FOREVER)
        assert history.store.calls == []

    @pytest.mark.parametrize("to", ["t", "there"])
    def test_to_an_existing_index(self, history: IndexHistory, service: HistoryService, to: str) -> None:
        history.writer.create(NewIndex("there", 3), FOREVER)
        etags = [history.store.inner.etag(name) for name in ("t", "there")]
        with pytest.raises(IndexExists):
            service.history.copy("t", to, FOREVER)
        assert [history.store.inner.etag(name) for name in ("t", "there")] == etags

    @pytest.mark.parametrize("name", ["none", "t/1/0", "t?v"])
    def test_of_a_missing_index(self, history: IndexHistory, service: HistoryService, name: str) -> None:
        with pytest.raises(IndexNotFound):
            service.history.copy(name, "u", FOREVER)
        assert history.names() == ["t"]

    def test_of_a_missing_version(self, history: IndexHistory, service: HistoryService) -> None:
        with pytest.raises(VersionNotFound):
            service.history.copy("t", "u", FOREVER, "nonesuch")
        assert history.names() == ["t"]

    def test_of_an_unreadable_index(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.inner.put("t", b"broken", IfMatch(history.etags[3]), "c")
        with pytest.raises(BlobCorrupt):
            service.history.copy("t", "u", FOREVER)
        assert history.names() == ["t"]

    def test_of_a_sharded_index(self) -> None:
        store = ScriptedStore()
        shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
        with pytest.raises(RequestInvalid, match="shards"):
            HistoryService(store).history.copy("t", "u", FOREVER)


class TestRace:
    def test_an_index_created_concurrently_is_kept(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, after(lambda: history.another().create(NewIndex("u", 3), FOREVER)))
        with pytest.raises(IndexExists):
            service.history.copy("t", "u", FOREVER)
        assert history.another().describe("u", FOREVER).params.dimension == 3

    def test_a_lost_reply_is_recognised(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, loses_reply)
        assert service.history.copy("t", "u", FOREVER).etag == history.store.inner.etag("u")

    def test_a_write_that_never_arrived_is_sent_again(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on(history.write, no_reply)
        service.history.copy("t", "u", FOREVER)
        assert history.present("u") == history.rows[3]

    def test_without_any_reply_the_outcome_is_unknown(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, no_reply)
        with pytest.raises(OutcomeUnknown):
            service.history.copy("t", "u", FOREVER)

    def test_endless_conflicts_change_nothing(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.always(history.write, fails_with(WriteConflict()))
        with pytest.raises(Contended):
            service.history.copy("t", "u", FOREVER)
        assert history.names() == ["t"]


class TestOfAPackedIndexThatChanges:
    @pytest.fixture
    def history(self) -> IndexHistory:
        return IndexHistory(packed=True)

    def test_starts_again_with_the_new_state(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on("splice", after(history.add_late))
        service.history.copy("t", "u", FOREVER)
        assert history.present("u") == history.present("t")
        assert "late" in history.present("u")

    def test_names_the_original_if_its_ranges_are_corrupt(
        self, history: IndexHistory, service: HistoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "HEAD_BYTES", 256)
        for one in "lmno":  # enough pieces of the tail, each as large as a part, to merge them
            text = msgspec.Raw(b'"%b"' % (one.encode() * history.sizes.part))
            history.writer.add("t", [structs.replace(each, metadata=text) for each in vectors(one)], FOREVER)
        blob = history.store.inner.get("t")
        assert isinstance(blob, StoredObject)
        history.store.inner.put("t", blob.data.replace(b"oooo", b"ooox", 1), IfMatch(blob.etag), "c")
        with pytest.raises(BlobCorrupt) as caught:
            service.history.copy("t", "u", FOREVER)
        assert caught.value.index == "t"

    def test_is_refused_if_the_original_is_deleted(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on("splice", after(lambda: history.another().delete_index("t", FOREVER)))
        with pytest.raises(IndexNotFound):
            service.history.copy("t", "u", FOREVER)
        assert history.names() == []

    def test_stops_if_the_original_changes_at_every_attempt(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        numbers = iter(range(100))

        def moves() -> None:
            number = next(numbers)
            history.another(f"other-{number}").add("t", vectors(f"late-{number}"), FOREVER)

        history.store.always("splice", after(moves))
        with pytest.raises(Contended):
            service.history.copy("t", "u", FOREVER)
        assert history.names() == ["t"]

    def test_is_not_contended_if_storage_does_not_return_the_original(
        self, history: IndexHistory, service: HistoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "HEAD_BYTES", 256)
        history.store.always("read", no_reply)
        with pytest.raises(StorageSilent):
            service.history.copy("t", "u", FOREVER)
        assert history.names() == ["t"]

    def test_copies_the_requested_version(self, history: IndexHistory, service: HistoryService) -> None:
        history.store.on("splice", after(history.add_late))
        service.history.copy("t", "u", FOREVER, history.etags[3])
        assert history.present("u") == history.rows[3]

    def test_of_a_version_that_is_removed_meanwhile_is_refused(
        self, history: IndexHistory, service: HistoryService
    ) -> None:
        history.store.on("splice", after(lambda: history.store.inner._history._versions["t"].pop(1)))
        with pytest.raises(VersionNotFound):
            service.history.copy("t", "u", FOREVER, history.etags[1])
        assert history.names() == ["t"]
