"""Earlier states of an index are listed, and selected by version id, by ETag or by time."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import shards
from tests.support.scripted_store import ScriptedStore, after, fails_with, no_reply
from tests.support.services import FOREVER
from tests.support.version_history import NOON, HistoryService, IndexHistory, Rows, vectors_by_id
from vectord.errors import (
    BlobCorrupt,
    IndexNotFound,
    ObjectChanged,
    RequestInvalid,
    StorageSilent,
    StoreRefused,
    VersionNotFound,
)
from vectord.index.query import search
from vectord.service.snapshots import cache
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.versions import Versions
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import IfMatch


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def history(request: pytest.FixtureRequest) -> IndexHistory:
    return IndexHistory(packed=request.param)


@pytest.fixture
def versions(history: IndexHistory) -> Versions:
    return history.service().versions


def ids(history: IndexHistory, name: str = "t") -> list[str]:
    """Return the ids of all versions, oldest first."""
    return [one.id for one in reversed(history.store.inner.versions(name, 100).versions)]


def at(minutes: float) -> str:
    """Return the time `minutes` after the creation of the index, in the form of RFC 3339."""
    return datetime.fromtimestamp(NOON.timestamp() + 60 * minutes, UTC).isoformat().replace("+00:00", "Z")


def rows_in(snapshot: Snapshot) -> Rows:
    return vectors_by_id(snapshot.index)


class TestList:
    def test_returns_a_version_for_each_write_newest_first(self, history: IndexHistory, versions: Versions) -> None:
        page = versions.list("t", 10, None, FOREVER)
        assert [one.etag for one in page.versions] == history.etags[::-1]
        assert page.after is None

    def test_continues_at_its_cursor(self, history: IndexHistory, versions: Versions) -> None:
        first = versions.list("t", 3, None, FOREVER)
        rest = versions.list("t", 3, first.after, FOREVER)
        assert [one.etag for one in (*first.versions, *rest.versions)] == history.etags[::-1]

    def test_returns_the_versions_of_a_deleted_index(self, history: IndexHistory, versions: Versions) -> None:
        history.writer.delete_index("t", FOREVER)
        assert [one.deleted for one in versions.list("t", 2, None, FOREVER).versions] == [True, False]

    def test_returns_the_versions_of_an_unreadable_index(self, history: IndexHistory, versions: Versions) -> None:
        history.store.inner.put("t", b"broken", IfMatch(history.etags[-1]), "c")
        assert len(versions.list("t", 10, None, FOREVER).versions) == 5

    @pytest.mark.parametrize("name", ["none", "no/name", "t?", ""])
    def test_of_an_unknown_index_is_refused(self, versions: Versions, name: str) -> None:
        with pytest.raises(IndexNotFound):
            versions.list(name, 10, None, FOREVER)

    def test_is_retried_while_storage_does_not_reply(self, history: IndexHistory, versions: Versions) -> None:
        history.store.on("versions", no_reply)
        assert len(versions.list("t", 10, None, FOREVER).versions) == 4

    def test_without_any_reply_stops(self, history: IndexHistory, versions: Versions) -> None:
        history.store.always("versions", no_reply)
        with pytest.raises(StorageSilent):
            versions.list("t", 10, None, FOREVER)


class TestAsOf:
    @pytest.mark.parametrize("number", range(4))
    def test_a_version_id_selects_its_state(self, history: IndexHistory, versions: Versions, number: int) -> None:
        state = versions.open("t", ids(history)[number], FOREVER).state
        assert (vectors_by_id(state.index), state.etag) == (history.rows[number], history.etags[number])

    @pytest.mark.parametrize("number", range(4))
    def test_an_etag_selects_its_state(self, history: IndexHistory, versions: Versions, number: int) -> None:
        assert vectors_by_id(versions.open("t", history.etags[number], FOREVER).state.index) == history.rows[number]

    @pytest.mark.parametrize(("minutes", "number"), [(0, 0), (0.99, 0), (1, 1), (1.5, 1), (2, 2), (3, 3), (100_000, 3)])
    def test_a_time_selects_the_state_at_that_time(
        self, history: IndexHistory, versions: Versions, minutes: float, number: int
    ) -> None:
        assert vectors_by_id(versions.open("t", at(minutes), FOREVER).state.index) == history.rows[number]

    @pytest.mark.parametrize("text", ["2026-01-01T12:01:30.5Z", "2026-01-01t12:01:30z", "2026-01-01T14:01:30+02:00"])
    def test_a_time_may_have_any_form_of_rfc_3339(self, history: IndexHistory, versions: Versions, text: str) -> None:
        assert versions.open("t", text, FOREVER).state.etag == history.etags[1]

    def test_a_time_before_the_creation_is_refused(self, versions: Versions) -> None:
        with pytest.raises(VersionNotFound):
            versions.open("t", at(-1), FOREVER)

    def test_a_time_at_which_the_index_was_deleted_is_refused(self, history: IndexHistory, versions: Versions) -> None:
        history.writer.delete_index("t", FOREVER)
        history.calendar.passes()
        history.writer.create(NewIndex("t", 3), FOREVER)
        with pytest.raises(VersionNotFound):
            versions.open("t", at(4.5), FOREVER)
        assert versions.open("t", at(3.5), FOREVER).state.etag == history.etags[3]
        assert versions.open("t", at(5), FOREVER).state.index.params.dimension == 3

    def test_a_deletion_marker_is_refused(self, history: IndexHistory, versions: Versions) -> None:
        history.writer.delete_index("t", FOREVER)
        with pytest.raises(VersionNotFound):
            versions.open("t", ids(history)[-1], FOREVER)

    @pytest.mark.parametrize("as_of", ["nonesuch", '"no-such-etag"', "null", "3/L4kqtJl40Nr8X8gdRQBpUMLUo"])
    def test_an_unknown_version_is_refused(self, versions: Versions, as_of: str) -> None:
        with pytest.raises(VersionNotFound, match="t/versions"):
            versions.open("t", as_of, FOREVER)

    @pytest.mark.parametrize("as_of", ["v1", '"any"', "2026-01-01T12:00:00Z"])
    @pytest.mark.parametrize("name", ["t/1/0", "a?b", ""])
    def test_an_unknown_or_invalid_index_is_refused(self, versions: Versions, name: str, as_of: str) -> None:
        with pytest.raises(IndexNotFound):
            versions.open(name, as_of, FOREVER)

    @pytest.mark.parametrize(
        "as_of",
        ["", "x" * 1_025, "2026-01-01", "2026-01-01T12:00:00", "2026-02-30T12:00:00Z", "2026-01-01T25:00:00Z"],
    )
    def test_an_as_of_that_is_not_a_version_etag_or_time_is_invalid(
        self, history: IndexHistory, versions: Versions, as_of: str
    ) -> None:
        with pytest.raises(RequestInvalid, match="as_of"):
            versions.open("t", as_of, FOREVER)
        assert history.store.calls == []

    def test_a_removed_version_is_refused(self, history: IndexHistory, versions: Versions) -> None:
        first = ids(history)[0]
        history.store.inner._history._versions["t"].pop(0)
        with pytest.raises(VersionNotFound):
            versions.open("t", first, FOREVER)

    def test_a_cached_version_that_is_removed_is_refused(self, history: IndexHistory, versions: Versions) -> None:
        first = ids(history)[0]
        versions.open("t", first, FOREVER)
        history.store.inner._history._versions["t"].pop(0)
        with pytest.raises(VersionNotFound):
            versions.open("t", first, FOREVER)

    def test_the_error_of_an_unreadable_version_names_the_index(
        self, history: IndexHistory, versions: Versions
    ) -> None:
        history.store.inner.put("t", b"broken", IfMatch(history.etags[-1]), "c")
        with pytest.raises(BlobCorrupt) as caught:
            versions.open("t", ids(history)[-1], FOREVER)
        assert caught.value.index == "t"

    def test_a_refusal_of_storage_is_not_reported_as_a_missing_version(
        self, history: IndexHistory, versions: Versions
    ) -> None:
        history.store.on("head", fails_with(StoreRefused("AccessDenied")))
        with pytest.raises(StoreRefused):
            versions.open("t", ids(history)[0], FOREVER)

    def test_a_version_is_cached_after_its_first_read(self, history: IndexHistory, versions: Versions) -> None:
        first = ids(history)[1]
        once = versions.open("t", first, FOREVER).state
        history.store.calls.clear()
        again = versions.open("t", first, FOREVER).state
        assert again.index is once.index
        assert history.store.requests() == {"head": 1}
        assert not history.store.unconditional_reads()

    def test_a_cached_old_version_is_never_used_as_the_current_state(self, history: IndexHistory) -> None:
        service = history.service()
        service.versions.open("t", ids(history)[1], FOREVER)
        assert vectors_by_id(service.reads.present("t", FOREVER).index) == history.rows[3]

    def test_two_versions_are_cached_side_by_side(self, history: IndexHistory, versions: Versions) -> None:
        states = [versions.open("t", one, FOREVER).state for one in ids(history)]
        assert [vectors_by_id(state.index) for state in states] == history.rows

    def test_a_version_is_found_on_any_page_of_the_listing(self, history: IndexHistory) -> None:
        for _ in range(1_001):
            history.store.inner.put("t", b"x", IfMatch(history.store.inner.etag("t")), "c")
        assert history.service().versions.open("t", history.etags[1], FOREVER).state.etag == history.etags[1]

    def test_a_search_through_versions_stops_at_the_deadline(self, history: IndexHistory) -> None:
        for _ in range(1_001):
            history.store.inner.put("t", b"x", IfMatch(history.store.inner.etag("t")), "c")
        service = history.service()
        with pytest.raises(RequestInvalid, match="too many versions"):
            service.versions.open("t", history.etags[1], Deadline(service.clock.now))


class TestPacked:
    @pytest.fixture
    def history(self, monkeypatch: pytest.MonkeyPatch) -> IndexHistory:
        """Return an index that is longer than the first request reads."""
        monkeypatch.setattr(cache, "HEAD_BYTES", 256)
        return IndexHistory(packed=True)

    def test_a_search_reads_only_its_version(self, history: IndexHistory) -> None:
        query = history.rows[1]["a"]
        service = history.service()

        def nearest(snapshot: Snapshot) -> tuple[str, str]:
            return search.search(snapshot.index, np.frombuffer(query, "<f4"), 1, 1.0).matches[0].id, snapshot.etag

        assert service.versions.run("t", ids(history)[2], FOREVER, nearest) == ("a", history.etags[2])

    def test_sections_shared_by_two_versions_are_read_once(self, history: IndexHistory) -> None:
        def read(service: HistoryService) -> float:
            before = service.reads.environment.meter.value("ReadBytes")
            assert vectors_by_id(service.versions.open("t", ids(history)[2], FOREVER).state.index) == history.rows[2]
            return service.reads.environment.meter.value("ReadBytes") - before

        cold, warmed = history.service(), history.service()
        base = warmed.reads.present("t", FOREVER).index.base
        vectors_by_id(warmed.reads.present("t", FOREVER).index)
        assert base is not None
        assert read(warmed) <= read(cold) - base.graph.section.size

    def test_a_read_starts_again_if_its_ranges_get_no_reply(self, history: IndexHistory) -> None:
        service = history.service()
        history.store.on("read", no_reply)
        assert service.versions.run("t", ids(history)[2], FOREVER, rows_in) == history.rows[2]

    def test_a_version_removed_while_its_ranges_are_read_is_refused(self, history: IndexHistory) -> None:
        service, third = history.service(), ids(history)[2]
        history.store.on("read", after(lambda: history.store.inner._history._versions["t"].pop(2)))
        with pytest.raises(VersionNotFound):
            service.versions.run("t", third, FOREVER, rows_in)

    def test_an_object_that_changes_without_versioning_is_read_again(self, history: IndexHistory) -> None:
        service = history.service()
        history.store.on("read", fails_with(ObjectChanged("t")))
        assert service.versions.run("t", ids(history)[2], FOREVER, rows_in) == history.rows[2]


class TestShards:
    @pytest.fixture
    def service(self) -> HistoryService:
        store = ScriptedStore()
        shards.a_service(store).create(NewIndex("t", 2, shards=2), FOREVER)
        return HistoryService(store)

    def test_versions_of_a_sharded_index_are_refused(self, service: HistoryService) -> None:
        with pytest.raises(RequestInvalid, match="shards"):
            service.versions.list("t", 10, None, FOREVER)

    def test_an_earlier_state_of_a_sharded_index_is_refused(self, service: HistoryService) -> None:
        with pytest.raises(RequestInvalid, match="shards"):
            service.versions.open("t", service.reads.store.versions("t", 1).versions[0].id, FOREVER)
