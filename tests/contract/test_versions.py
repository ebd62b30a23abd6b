"""What every store promises for versions of objects: each is listed once, and can be read and copied."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.backends import LEAST_PART, MemoryBackend, S3Backend
from tests.support.object_versions import NEW, OLD, Backend, versions, write
from vectord.errors import ConditionFailed, ObjectNotFound, ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import (
    CopySource,
    IfAbsent,
    IfMatch,
    NotModified,
    ObjectHead,
    StoredObject,
    VersionPage,
)


def gone(backend: Backend) -> str:
    """Write an object three times, remove the first version permanently, and return its id."""
    write(backend, OLD, NEW, b"newest")
    first = versions(backend)[0].id
    backend.remove_version("t", first)
    return first


class TestListing:
    def test_of_nothing_is_empty(self, versioned: Backend) -> None:
        assert versioned.store.versions("t", 10) == VersionPage((), None)

    def test_shows_each_version_newest_first(self, versioned: Backend) -> None:
        etags = write(versioned, b"1", b"22", b"333")
        shown = versioned.store.versions("t", 10).versions
        assert [(one.etag, one.bytes) for one in shown] == [(etags[2], 3), (etags[1], 2), (etags[0], 1)]

    def test_marks_the_latest_version(self, versioned: Backend) -> None:
        write(versioned, b"1", b"2", b"3")
        assert [one.latest for one in versions(versioned)] == [False, False, True]

    def test_returns_a_different_id_for_each_version(self, versioned: Backend) -> None:
        write(versioned, b"same", b"same", b"same")
        assert len({one.id for one in versions(versioned)}) == 3

    def test_returns_the_time_of_each_version(self, versioned: Backend) -> None:
        write(versioned, b"1", b"2")
        assert all(abs(one.modified - datetime.now(UTC)) < timedelta(minutes=1) for one in versions(versioned))

    def test_shows_a_deletion_between_the_versions_before_and_after_it(self, strictly_versioned: Backend) -> None:
        (etag,) = write(strictly_versioned, b"before")
        strictly_versioned.store.delete("t", IfMatch(etag))
        write(strictly_versioned, b"after")
        assert [one.deleted for one in versions(strictly_versioned)] == [False, True, False]

    def test_shows_a_deletion_as_the_latest_without_etag_or_bytes(self, versioned: Backend) -> None:
        (etag,) = write(versioned, b"before")
        versioned.store.delete("t", IfMatch(etag))
        deletion = next(one for one in versions(versioned) if one.deleted)
        assert (deletion.latest, deletion.etag, deletion.bytes) == (True, None, 0)
        assert sum(one.latest for one in versions(versioned)) == 1

    @pytest.mark.parametrize("other", ["t2", "tt", "t.lhv1", "s"])
    def test_shows_only_versions_of_the_object(self, versioned: Backend, other: str) -> None:
        write(versioned, b"1", b"2", name=other)
        write(versioned, b"mine")
        assert [one.bytes for one in versions(versioned)] == [4]

    def test_of_a_missing_object_shows_no_other_object(self, versioned: Backend) -> None:
        write(versioned, b"1", name="t2")
        assert versioned.store.versions("t", 10) == VersionPage((), None)

    @pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
    def test_shows_each_version_once_over_its_pages(self, versioned: Backend, limit: int) -> None:
        etags = write(versioned, *(b"%d" % number for number in range(5)))
        write(versioned, b"1", b"2", b"3", name="t2")
        seen: list[str | None] = []
        after = None
        while True:
            page = versioned.store.versions("t", limit, after)
            assert 0 < len(page.versions) <= limit
            seen += [one.etag for one in page.versions]
            after = page.after
            if after is None:
                break
        assert seen == etags[::-1]

    def test_has_no_next_page_when_the_last_one_is_exactly_full(self, versioned: Backend) -> None:
        write(versioned, b"1", b"2")
        write(versioned, b"1", b"2", name="t2")
        assert versioned.store.versions("t", 2).after is None

    def test_does_not_show_a_removed_version(self, versioned: Backend) -> None:
        first = gone(versioned)
        assert first not in {one.id for one in versions(versioned)}


def test_a_bucket_without_versions_shows_the_current_object(s3: S3Backend) -> None:
    etag = write(s3, b"1", b"two")[-1]
    (only,) = versions(s3)
    assert (only.id, only.etag, only.bytes, only.latest) == ("null", etag, 3, True)
    assert s3.store.head("t", 2, version="null") == ObjectHead(b"tw", etag, 3)
    assert s3.store.read("t", etag, [(1, 3)], version="null") == [b"wo"]


class TestReading:
    def test_returns_the_first_bytes_of_a_version(self, versioned: Backend) -> None:
        etags = write(versioned, OLD, NEW)
        old, new = versions(versioned)
        assert versioned.store.head("t", 4, version=old.id) == ObjectHead(b"oooo", etags[0], len(OLD))
        assert versioned.store.head("t", 4, version=new.id) == ObjectHead(b"nnnn", etags[1], len(NEW))

    def test_returns_all_of_a_short_version(self, versioned: Backend) -> None:
        etags = write(versioned, OLD, NEW)
        assert versioned.store.head("t", 1 << 20, version=versions(versioned)[0].id) == ObjectHead(
            OLD, etags[0], len(OLD)
        )

    def test_returns_the_head_of_an_empty_version(self, versioned: Backend) -> None:
        etags = write(versioned, b"", NEW)
        assert versioned.store.head("t", 4, version=versions(versioned)[0].id) == ObjectHead(b"", etags[0], 0)

    def test_returns_not_modified_for_the_etag_of_the_version(self, versioned: Backend) -> None:
        etags = write(versioned, OLD, NEW)
        assert versioned.store.head("t", 4, etags[0], version=versions(versioned)[0].id) == NotModified()

    def test_returns_the_ranges_of_a_version(self, versioned: Backend) -> None:
        etags = write(versioned, OLD, NEW)
        spans = [(LEAST_PART, len(OLD)), (LEAST_PART + 1, LEAST_PART + 3), (5, 5)]
        old = versions(versioned)[0].id
        assert versioned.store.read("t", etags[0], spans, version=old) == [b"0123456789", b"12", b""]

    def test_returns_a_version_of_a_deleted_object(self, versioned: Backend) -> None:
        (etag,) = write(versioned, OLD)
        (old,) = versions(versioned)
        versioned.store.delete("t", IfMatch(etag))
        assert versioned.store.head("t", 1, version=old.id) == ObjectHead(b"o", etag, len(OLD))
        assert versioned.store.read("t", etag, [(0, 1)], version=old.id) == [b"o"]

    def test_pins_a_version_to_its_etag(self, versioned: Backend) -> None:
        new = write(versioned, OLD, NEW)[1]
        with pytest.raises(ConditionFailed):
            versioned.store.read("t", new, [(0, 1)], version=versions(versioned)[0].id)

    def test_of_a_range_that_ends_after_the_version_is_unavailable(self, versioned: Backend) -> None:
        etag = write(versioned, b"short", NEW)[0]
        with pytest.raises(StoreUnavailable):
            versioned.store.read("t", etag, [(0, 6)], version=versions(versioned)[0].id)

    def test_of_a_range_that_starts_after_the_version_is_refused(self, versioned: Backend) -> None:
        etag = write(versioned, b"short", NEW)[0]
        with pytest.raises(StoreRefused):
            versioned.store.read("t", etag, [(5, 6)], version=versions(versioned)[0].id)

    def test_of_a_removed_version_is_refused(self, versioned: Backend) -> None:
        first = gone(versioned)
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.head("t", 4, version=first)
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.read("t", '"any"', [(0, 1)], version=first)

    @pytest.mark.parametrize("version", ["nonesuch", "a/b +&?=", "ü"])
    def test_of_an_unknown_version_is_refused(self, versioned: Backend, version: str) -> None:
        write(versioned, OLD)
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.head("t", 4, version=version)

    def test_of_a_version_of_a_missing_object_is_refused(self, versioned: Backend) -> None:
        write(versioned, OLD, name="other")
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.head("t", 4, version=versions(versioned, "other")[0].id)

    def test_of_a_deletion_is_refused(self, versioned: Backend) -> None:
        (etag,) = write(versioned, OLD)
        versioned.store.delete("t", IfMatch(etag))
        deletion = next(one for one in versions(versioned) if one.deleted)
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.head("t", 4, version=deletion.id)
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.read("t", etag, [(0, 1)], version=deletion.id)


HEAD = b"h" * LEAST_PART


def source(backend: Backend, name: str = "t") -> CopySource:
    """Write two states and return the bytes of the first as a source."""
    etag = write(backend, OLD, NEW, name=name)[0]
    return CopySource(name, etag, 0, len(OLD), versions(backend, name)[0].id)


class TestSplicing:
    def test_copies_bytes_of_an_older_version_of_the_same_object(self, versioned: Backend) -> None:
        old = source(versioned)
        present = versioned.store.etag("t")
        etag = versioned.store.splice("t", HEAD, old, condition=IfMatch(present), commit="c")
        assert versioned.store.get("t") == StoredObject(HEAD + OLD, etag)

    def test_copies_bytes_of_an_older_version_of_another_object(self, versioned: Backend) -> None:
        old = source(versioned, "other")
        versioned.store.splice("t", HEAD, old, condition=IfAbsent(), commit="c")
        assert versioned.objects() == {"t": HEAD + OLD, "other": NEW}

    def test_restores_a_deleted_object_from_an_older_version(self, versioned: Backend) -> None:
        old = source(versioned)
        versioned.store.delete("t", IfMatch(versioned.store.etag("t")))
        versioned.store.splice("t", HEAD, old, condition=IfAbsent(), commit="c")
        assert versioned.objects() == {"t": HEAD + OLD}

    def test_checks_the_condition_on_the_target(self, strictly_versioned: Backend) -> None:
        old = source(strictly_versioned)
        with pytest.raises(ConditionFailed):
            strictly_versioned.store.splice("t", HEAD, old, condition=IfMatch(old.etag), commit="c")
        assert strictly_versioned.objects() == {"t": NEW}

    def test_checks_the_etag_of_the_version(self, strictly_versioned: Backend) -> None:
        old, present = source(strictly_versioned), strictly_versioned.store.etag("t")
        wrong = CopySource("t", present, old.start, old.stop, old.version)
        with pytest.raises(ConditionFailed):
            strictly_versioned.store.splice("t", HEAD, wrong, condition=IfMatch(present), commit="c")
        assert strictly_versioned.objects() == {"t": NEW}

    def test_of_a_removed_version_is_refused_and_writes_nothing(self, versioned: Backend) -> None:
        old = CopySource("t", '"any"', 0, len(OLD), gone(versioned))
        present = versioned.store.etag("t")
        with pytest.raises(ObjectVersionNotFound):
            versioned.store.splice("t", HEAD, old, condition=IfMatch(present), commit="c")
        assert versioned.objects() == {"t": b"newest"}


def test_staged_objects_have_no_versions_in_memory() -> None:
    backend = MemoryBackend()
    backend.store.stage(".staging/1", [OLD])
    assert backend.store.versions(".staging/1", 10) == VersionPage((), None)


def test_memory_keeps_the_newest_old_versions_that_fit() -> None:
    backend = MemoryBackend(version_bytes=2 * LEAST_PART)
    write(backend, OLD[:LEAST_PART], name="other")
    write(backend, *(b"%d" % number * LEAST_PART for number in range(4)))
    assert [one.bytes for one in versions(backend)] == [LEAST_PART] * 3
    assert len(versions(backend, "other")) == 1  # the present state of an object never goes


def test_a_deleted_object_is_missing_although_its_versions_are_kept(versioned: Backend) -> None:
    (etag,) = write(versioned, OLD)
    versioned.store.delete("t", IfMatch(etag))
    with pytest.raises(ObjectNotFound):
        versioned.store.etag("t")
    assert versioned.objects() == {}
