"""What every store promises: conditions hold, ETags name bytes, listings show each index once."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.backends import MemoryBackend, S3Backend
from vectord.errors import ConditionFailed, ObjectMissing
from vectord.stores import Condition, Fetched, IfAbsent, IfMatch, Page, Store, Unchanged

Backend = MemoryBackend | S3Backend

NO_ETAG = '"0123456789abcdef0123456789abcdef"'


def put(store: Store, name: str = "t", data: bytes = b"one", condition: Condition | None = None) -> str:
    return store.put(name, data, condition or IfAbsent(), "a-commit")


class TestGet:
    def test_answers_the_bytes_and_the_etag_that_put_answered(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"\x00\xff bytes")
        assert backend.store.get("t") == Fetched(b"\x00\xff bytes", etag)

    def test_answers_unchanged_to_the_present_etag(self, backend: Backend) -> None:
        assert backend.store.get("t", put(backend.store)) == Unchanged()

    def test_answers_the_bytes_to_an_older_etag(self, backend: Backend) -> None:
        old = put(backend.store)
        new = put(backend.store, data=b"two", condition=IfMatch(old))
        assert backend.store.get("t", old) == Fetched(b"two", new)

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissing):
            backend.store.get("t")

    def test_of_a_missing_object_is_refused_also_to_an_etag(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissing):
            backend.store.get("t", NO_ETAG)


class TestEtag:
    def test_is_the_one_that_put_answered(self, backend: Backend) -> None:
        etag = put(backend.store)
        assert backend.store.etag("t") == etag

    def test_carries_its_quotes_as_http_does(self, backend: Backend) -> None:
        etag = put(backend.store)
        assert etag.startswith('"')
        assert etag.endswith('"')

    def test_differs_for_other_bytes(self, backend: Backend) -> None:
        assert put(backend.store, "a", b"one") != put(backend.store, "b", b"two")

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissing):
            backend.store.etag("t")


class TestPut:
    def test_if_absent_writes_where_nothing_is(self, backend: Backend) -> None:
        put(backend.store, data=b"one")
        assert backend.objects() == {"t": b"one"}

    def test_if_absent_refuses_and_keeps_what_is_there(self, backend: Backend) -> None:
        backend.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            put(backend.store)
        assert backend.objects() == {"t": b"there"}

    def test_if_match_replaces_the_version_named(self, backend: Backend) -> None:
        put(backend.store, data=b"two", condition=IfMatch(put(backend.store)))
        assert backend.objects() == {"t": b"two"}

    def test_if_match_refuses_another_version_and_keeps_what_is_there(self, backend: Backend) -> None:
        backend.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            put(backend.store, condition=IfMatch(NO_ETAG))
        assert backend.objects() == {"t": b"there"}

    def test_if_match_never_creates(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissing):
            put(backend.store, condition=IfMatch(NO_ETAG))
        assert backend.objects() == {}

    def test_if_match_of_a_deleted_object_never_creates_it_again(self, backend: Backend) -> None:
        etag = put(backend.store)
        backend.store.delete("t", IfMatch(etag))
        with pytest.raises(ObjectMissing):
            put(backend.store, condition=IfMatch(etag))
        assert backend.objects() == {}

    def test_takes_no_bytes_at_all(self, backend: Backend) -> None:
        put(backend.store, data=b"")
        assert backend.objects() == {"t": b""}


class TestDelete:
    def test_removes_the_version_named(self, backend: Backend) -> None:
        backend.store.delete("t", IfMatch(put(backend.store)))
        assert backend.objects() == {}

    def test_refuses_another_version_and_keeps_it(self, backend: Backend) -> None:
        put(backend.store)
        with pytest.raises(ConditionFailed):
            backend.store.delete("t", IfMatch(NO_ETAG))
        assert backend.objects() == {"t": b"one"}

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissing):
            backend.store.delete("t", IfMatch(NO_ETAG))

    def test_lets_the_name_be_written_anew(self, backend: Backend) -> None:
        backend.store.delete("t", IfMatch(put(backend.store)))
        put(backend.store, data=b"anew")
        assert backend.objects() == {"t": b"anew"}


def shown(page: Page) -> list[str]:
    return [listed.name for listed in page.objects]


class TestList:
    NAMES = ("a", "a-b", "a.b", "A", "b", "b1", "b_1", "c" * 128)

    def test_of_nothing_is_empty_and_at_its_end(self, backend: Backend) -> None:
        assert backend.store.list("", 10, None) == Page((), None)

    def test_shows_size_and_time_of_each(self, backend: Backend) -> None:
        backend.seed("t", b"12345")
        (listed,) = backend.store.list("", 10, None).objects
        assert (listed.name, listed.size) == ("t", 5)
        assert abs(listed.modified - datetime.now(UTC)) < timedelta(minutes=1)

    def test_keeps_to_the_prefix(self, backend: Backend) -> None:
        for name in self.NAMES:
            backend.seed(name, b"")
        assert set(shown(backend.store.list("b", 10, None))) == {"b", "b1", "b_1"}

    @pytest.mark.parametrize("prefix", ["t.", "t.lh", "t.lhv1"])
    def test_holds_the_prefix_against_names_and_not_against_keys(self, backend: Backend, prefix: str) -> None:
        backend.seed("t", b"")
        assert shown(backend.store.list(prefix, 10, None)) == []

    def test_has_no_next_page_when_the_last_one_is_exactly_full(self, backend: Backend) -> None:
        backend.seed("a", b"")
        backend.seed("b", b"")
        assert backend.store.list("", 2, None).after is None

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    def test_shows_each_object_once_over_its_pages(self, backend: Backend, limit: int) -> None:
        for name in self.NAMES:
            backend.seed(name, b"")
        seen: list[str] = []
        after = None
        while True:
            page = backend.store.list("", limit, after)
            assert 0 < len(page.objects) <= limit
            seen += shown(page)
            if page.after is None:
                break
            after = page.after
        assert sorted(seen) == sorted(self.NAMES)

    def test_goes_on_after_a_name_that_is_gone(self, backend: Backend) -> None:
        for name in ("a", "c"):
            backend.seed(name, b"")
        assert shown(backend.store.list("", 10, "b")) == ["c"]
