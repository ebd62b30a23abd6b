"""What every store promises: conditions are checked, ETags identify bytes, listings show each index once."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.backends import Backend
from vectord.errors import ConditionFailed, ObjectNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import Condition, IfAbsent, IfMatch, NotModified, ObjectHead, ObjectPage, Store, StoredObject

NO_ETAG = '"0123456789abcdef0123456789abcdef"'


def put(store: Store, name: str = "t", data: bytes = b"one", condition: Condition | None = None) -> str:
    return store.put(name, data, condition or IfAbsent(), "a-commit")


class TestGet:
    def test_returns_the_bytes_and_the_etag_of_the_put(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"\x00\xff bytes")
        assert backend.store.get("t") == StoredObject(b"\x00\xff bytes", etag)

    def test_returns_not_modified_for_the_current_etag(self, backend: Backend) -> None:
        assert backend.store.get("t", put(backend.store)) == NotModified()

    def test_returns_the_bytes_for_an_older_etag(self, backend: Backend) -> None:
        old = put(backend.store)
        new = put(backend.store, data=b"two", condition=IfMatch(old))
        assert backend.store.get("t", old) == StoredObject(b"two", new)

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.get("t")

    def test_of_a_missing_object_is_refused_also_with_an_etag(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.get("t", NO_ETAG)


class TestEtag:
    def test_is_the_etag_of_the_put(self, backend: Backend) -> None:
        etag = put(backend.store)
        assert backend.store.etag("t") == etag

    def test_includes_its_quotes_as_in_http(self, backend: Backend) -> None:
        etag = put(backend.store)
        assert etag.startswith('"')
        assert etag.endswith('"')

    def test_differs_for_other_bytes(self, backend: Backend) -> None:
        assert put(backend.store, "a", b"one") != put(backend.store, "b", b"two")

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.etag("t")


class TestHead:
    def test_returns_the_first_bytes_and_the_whole_size(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        assert backend.store.head("t", 4) == ObjectHead(b"0123", etag, 10)

    @pytest.mark.parametrize("most", [10, 11, 1 << 20])
    def test_returns_all_of_a_short_object(self, backend: Backend, most: int) -> None:
        etag = put(backend.store, data=b"0123456789")
        assert backend.store.head("t", most) == ObjectHead(b"0123456789", etag, 10)

    def test_of_an_empty_object_is_empty(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"")
        assert backend.store.head("t", 4) == ObjectHead(b"", etag, 0)

    @pytest.mark.parametrize("data", [b"", b"0123456789"], ids=["of no bytes", "of some"])
    def test_returns_not_modified_for_the_current_etag(self, backend: Backend, data: bytes) -> None:
        assert backend.store.head("t", 4, put(backend.store, data=data)) == NotModified()

    def test_returns_the_bytes_for_an_older_etag(self, backend: Backend) -> None:
        old = put(backend.store)
        new = put(backend.store, data=b"two", condition=IfMatch(old))
        assert backend.store.head("t", 2, old) == ObjectHead(b"tw", new, 3)

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.head("t", 4)


class TestRead:
    def test_returns_the_bytes_of_each_range_in_their_order(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        assert backend.store.read("t", etag, [(7, 10), (0, 1), (2, 5), (2, 5)]) == [b"789", b"0", b"234", b"234"]

    def test_reads_more_ranges_than_it_requests_in_parallel(self, backend: Backend) -> None:
        data = bytes(range(250))
        etag = put(backend.store, data=data)
        assert backend.store.read("t", etag, [(n, n + 3) for n in range(100)]) == [data[n : n + 3] for n in range(100)]

    def test_reads_one_range_of_all_bytes(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        assert backend.store.read("t", etag, [(0, 10)]) == [b"0123456789"]

    def test_of_an_empty_range_is_empty(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        assert backend.store.read("t", etag, [(3, 3), (10, 10)]) == [b"", b""]

    def test_of_another_etag_is_refused(self, backend: Backend) -> None:
        old = put(backend.store)
        put(backend.store, data=b"two", condition=IfMatch(old))
        with pytest.raises(ConditionFailed):
            backend.store.read("t", old, [(0, 1), (1, 2)])

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.read("t", NO_ETAG, [(0, 1)])

    def test_of_no_range_returns_nothing(self, backend: Backend) -> None:
        assert backend.store.read("t", NO_ETAG, []) == []

    def test_of_a_range_that_ends_after_the_object_is_unavailable(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        with pytest.raises(StoreUnavailable):
            backend.store.read("t", etag, [(0, 1), (8, 11)])

    def test_of_a_range_that_starts_after_the_object_is_refused(self, backend: Backend) -> None:
        etag = put(backend.store, data=b"0123456789")
        with pytest.raises(StoreRefused):
            backend.store.read("t", etag, [(10, 11)])


class TestPut:
    def test_if_absent_writes_a_new_object(self, backend: Backend) -> None:
        put(backend.store, data=b"one")
        assert backend.objects() == {"t": b"one"}

    def test_if_absent_refuses_and_keeps_the_existing_object(self, backend: Backend) -> None:
        backend.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            put(backend.store)
        assert backend.objects() == {"t": b"there"}

    def test_if_match_replaces_the_object_with_that_etag(self, backend: Backend) -> None:
        put(backend.store, data=b"two", condition=IfMatch(put(backend.store)))
        assert backend.objects() == {"t": b"two"}

    def test_if_match_refuses_another_etag_and_keeps_the_existing_object(self, backend: Backend) -> None:
        backend.seed("t", b"there")
        with pytest.raises(ConditionFailed):
            put(backend.store, condition=IfMatch(NO_ETAG))
        assert backend.objects() == {"t": b"there"}

    def test_if_match_never_creates(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            put(backend.store, condition=IfMatch(NO_ETAG))
        assert backend.objects() == {}

    def test_if_match_never_recreates_a_deleted_object(self, backend: Backend) -> None:
        etag = put(backend.store)
        backend.store.delete("t", IfMatch(etag))
        with pytest.raises(ObjectNotFound):
            put(backend.store, condition=IfMatch(etag))
        assert backend.objects() == {}

    def test_writes_an_empty_object(self, backend: Backend) -> None:
        put(backend.store, data=b"")
        assert backend.objects() == {"t": b""}


class TestDelete:
    def test_removes_the_object_with_that_etag(self, backend: Backend) -> None:
        backend.store.delete("t", IfMatch(put(backend.store)))
        assert backend.objects() == {}

    def test_refuses_another_etag_and_keeps_the_object(self, backend: Backend) -> None:
        put(backend.store)
        with pytest.raises(ConditionFailed):
            backend.store.delete("t", IfMatch(NO_ETAG))
        assert backend.objects() == {"t": b"one"}

    def test_of_a_missing_object_is_refused(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound):
            backend.store.delete("t", IfMatch(NO_ETAG))

    def test_lets_the_name_be_written_again(self, backend: Backend) -> None:
        backend.store.delete("t", IfMatch(put(backend.store)))
        put(backend.store, data=b"again")
        assert backend.objects() == {"t": b"again"}


def shown(page: ObjectPage) -> list[str]:
    return [listed.name for listed in page.objects]


class TestList:
    NAMES = ("a", "a-b", "a.b", "A", "b", "b1", "b_1", "c" * 128)

    def test_of_no_objects_is_empty_and_has_no_next_page(self, backend: Backend) -> None:
        assert backend.store.list("", 10, None) == ObjectPage((), None)

    def test_returns_the_size_and_the_time_of_each_object(self, backend: Backend) -> None:
        backend.seed("t", b"12345")
        (listed,) = backend.store.list("", 10, None).objects
        assert (listed.name, listed.size) == ("t", 5)
        assert abs(listed.modified - datetime.now(UTC)) < timedelta(minutes=1)

    def test_returns_only_names_with_the_prefix(self, backend: Backend) -> None:
        for name in self.NAMES:
            backend.seed(name, b"")
        assert set(shown(backend.store.list("b", 10, None))) == {"b", "b1", "b_1"}

    @pytest.mark.parametrize("prefix", ["t.", "t.lh", "t.lhv1"])
    def test_compares_the_prefix_with_names_and_not_with_keys(self, backend: Backend, prefix: str) -> None:
        backend.seed("t", b"")
        assert shown(backend.store.list(prefix, 10, None)) == []

    def test_has_no_next_page_when_the_last_one_is_exactly_full(self, backend: Backend) -> None:
        backend.seed("a", b"")
        backend.seed("b", b"")
        assert backend.store.list("", 2, None).after is None

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    def test_returns_each_object_once_over_all_pages(self, backend: Backend, limit: int) -> None:
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
        assert seen == sorted(self.NAMES)

    def test_continues_after_a_deleted_name(self, backend: Backend) -> None:
        for name in ("a", "c"):
            backend.seed(name, b"")
        assert shown(backend.store.list("", 10, "b")) == ["c"]
