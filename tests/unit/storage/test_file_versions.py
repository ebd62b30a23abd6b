"""The earlier versions of an index in a folder."""

import errno
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import time_ns
from urllib.request import urlopen

import pytest
from msgspec import structs

from tests.support.failing_system import QUICK
from tests.support.file_stores import GENERATION, opened, put
from tests.support.folder_states import HEAD, STAGED
from tests.support.object_versions import NEW, OLD
from vectord.errors import (
    ConditionFailed,
    FolderRefused,
    ObjectVersionNotFound,
)
from vectord.storage.base import CopySource, IfAbsent, IfMatch, ObjectHead, StoredObject
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore


class TestVersions:
    def history(self, folder: Path, keep: Keep, sizes: list[int], step_seconds: float = 1) -> list[int]:
        """Write states of these sizes one after the other; return the sizes of the versions, newest first."""
        now = [2_000_000_000_000_000_000]
        store = opened(folder, structs.replace(QUICK, time_ns=lambda: now[0]), keep)
        etag = None
        for size in sizes:
            now[0] += int(step_seconds * 10**9)
            etag = put(store, b"x" * size, etag)
        return [one.bytes for one in store.versions("t", 100).versions]

    def test_as_many_earlier_versions_are_kept_as_configured(self, folder: Path) -> None:
        assert self.history(folder, Keep(versions=3), [1, 2, 3, 4, 5, 6]) == [6, 5, 4, 3]

    def test_no_earlier_version_is_kept_if_none_is_wanted(self, folder: Path) -> None:
        assert self.history(folder, Keep(versions=0), [1, 2, 3]) == [3]
        assert not (folder / ".versions").exists()

    def test_a_file_in_the_folder_says_what_every_process_keeps(self, folder: Path) -> None:
        folder.mkdir()
        (folder / ".versions.json").write_bytes(b'{"versions": 2, "days": 0.5, "megabytes": 3}')
        store = opened(folder)
        assert store.keep == Keep(versions=2, seconds=43_200, bytes=3 << 20)
        assert opened(folder, keep=Keep(versions=0)).keep.versions == 0
        assert store.list("", 10, None).objects == ()

    @pytest.mark.parametrize("text", [b"", b"[]", b'{"version": 1}', b'{"versions": -1}', b'{"days": "x"}', b"\xff"])
    def test_a_file_of_settings_that_is_not_valid_is_refused_and_named(self, text: bytes, folder: Path) -> None:
        folder.mkdir()
        (folder / ".versions.json").write_bytes(text)
        with pytest.raises(FolderRefused, match=r"\.versions\.json .* Correct or remove it"):
            opened(folder)

    def test_earlier_versions_have_a_bound_of_bytes_which_the_newest_may_exceed(self, folder: Path) -> None:
        assert self.history(folder, Keep(bytes=10), [1, 4, 5, 1, 1]) == [1, 1, 5, 4]
        assert self.history(folder / "large", Keep(bytes=10), [1, 100, 1]) == [1, 100]

    def test_earlier_versions_are_kept_for_a_time_after_they_were_replaced(self, folder: Path) -> None:
        assert self.history(folder, Keep(seconds=2.5), [1, 2, 3, 4, 5, 6]) == [6, 5, 4, 3]

    def test_the_next_process_removes_the_versions_of_a_deleted_index_when_their_time_is_over(
        self, folder: Path
    ) -> None:
        store = opened(folder)
        store.delete("t", IfMatch(put(store, b"rows")))
        later = (folder / ".versions").stat().st_mtime_ns + 8 * 24 * 3600 * 10**9
        other = opened(folder, structs.replace(QUICK, time_ns=lambda: later))
        assert [one.deleted for one in other.versions("t", 10).versions] == [True, False]
        put(other, b"", name="another")
        assert other.versions("t", 10).versions == ()
        assert not (folder / ".versions/t").exists()

    def test_shards_and_vector_buckets_have_no_earlier_versions(self, store: FileStore, folder: Path) -> None:
        for name in (".s3vectors/films", f"films/{GENERATION}/0"):
            put(store, b"2", put(store, b"1", name=name), name=name)
            assert [one.bytes for one in store.versions(name, 10).versions] == [1]
        assert not (folder / ".versions").exists()

    @pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
    def test_without_hard_links_an_earlier_version_is_a_copy(self, code: int, folder: Path) -> None:
        def link(source: str, target: str) -> None:
            raise OSError(code, os.strerror(code))

        store = opened(folder, structs.replace(QUICK, link=link))
        first = put(store, OLD)
        put(store, NEW, first)
        newest, oldest = store.versions("t", 10).versions
        assert (oldest.etag, newest.etag) == (first, store.etag("t"))
        assert store.read("t", first, [(0, len(OLD))], version=oldest.id) == [OLD]

    def test_the_link_of_a_version_leads_to_it_also_after_the_next_commit(self, store: FileStore) -> None:
        etag = put(store, b"first")
        link = store.link("t", 60, "t.lhv1", version=store.versions("t", 1).versions[0].id)
        put(store, b"second", etag)
        with urlopen(link) as answer:
            assert answer.read() == b"first"
        assert len(store.versions("t", 10).versions) == 2

    @pytest.mark.parametrize("reverse", [False, True])
    def test_a_version_that_was_linked_and_then_deleted_is_one_version(self, reverse: bool, folder: Path) -> None:
        """Its file has two names then: that of a replaced version, and that of a deleted one."""

        def scandir(path: str) -> AbstractContextManager[list[os.DirEntry[str]]]:
            with os.scandir(path) as entries:
                return nullcontext(sorted(entries, key=lambda entry: entry.name, reverse=reverse))

        now = [time_ns()]
        store = opened(folder, structs.replace(QUICK, scandir=scandir, time_ns=lambda: now[0]))
        etag = put(store, b"rows")
        store.link("t", 60, "t.lhv1", version=store.versions("t", 1).versions[0].id)
        store.delete("t", IfMatch(etag))
        assert len(list((folder / ".versions/t").iterdir())) == 2
        assert [one.deleted for one in store.versions("t", 10).versions] == [True, False]
        now[0] += 8 * 24 * 3_600 * 10**9
        put(store, b"again")
        assert [one.bytes for one in store.versions("t", 10).versions] == [5]
        assert not (folder / ".versions/t").exists()

    def test_a_server_may_make_the_links(self, folder: Path) -> None:
        store = FileStore(folder, make_link=lambda *arguments: f"http://127.0.0.1/{arguments}")
        assert store.link("t", 60, "t.lhv1", version="7") == "http://127.0.0.1/('t', 60, 't.lhv1', '7')"


class TestBuilds:
    """A build changes no rows, so it replaces the version before it."""

    TAIL, BUILT = b"t" * 5_000, b"b" * 4_000

    def build(self, store: FileStore, body: bytes = BUILT) -> str:
        source = CopySource(STAGED, store.stage(STAGED, [body]), 0, len(body))
        etag = store.splice("t", HEAD, source, condition=IfMatch(store.etag("t")), commit="c")
        store.discard(STAGED)
        return etag

    def read(self, store: FileStore, version: str) -> bytes:
        head = store.head("t", 1 << 20, version=version)
        assert isinstance(head, ObjectHead)
        assert store.read("t", head.etag, [(0, head.size)], version=version) == [head.data]
        return bytes(head.data)

    def disk_bytes(self, folder: Path) -> int:
        files = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        return sum(files.values())

    def test_the_file_that_a_build_replaced_takes_no_space(self, store: FileStore, folder: Path) -> None:
        put(store, self.TAIL)
        self.build(store)
        assert self.disk_bytes(folder) < len(HEAD + self.BUILT) + 300

    def test_the_version_keeps_its_id_time_and_etag_and_has_the_rows_of_the_build(self, store: FileStore) -> None:
        etag = put(store, self.TAIL)
        [before] = store.versions("t", 10).versions
        built_etag = self.build(store)
        newest, earlier = store.versions("t", 10).versions
        assert (earlier.id, earlier.modified, earlier.etag) == (before.id, before.modified, etag)
        assert (newest.etag, newest.latest, earlier.latest) == (built_etag, True, False)
        assert self.read(store, earlier.id) == HEAD + self.BUILT

    def test_it_can_be_read_until_the_version_of_the_build_goes(self, folder: Path) -> None:
        store = opened(folder, keep=Keep(versions=3))
        put(store, self.TAIL)
        [first] = store.versions("t", 10).versions
        put(store, b"more", self.build(store))
        self.build(store, self.BUILT[::-1])
        assert self.read(store, first.id) == HEAD + self.BUILT
        assert [one.bytes for one in store.versions("t", 10).versions] == [5_000, 5_000, 5_000, 5_000]
        put(store, b"again", store.etag("t"))
        assert first.id not in [one.id for one in store.versions("t", 10).versions]
        with pytest.raises(ObjectVersionNotFound):
            store.head("t", 1, version=first.id)

    def test_a_build_after_a_build_has_the_rows_of_both_versions(self, store: FileStore) -> None:
        put(store, self.TAIL)
        self.build(store)
        self.build(store, b"2" * 3_000)
        assert {self.read(store, one.id) for one in store.versions("t", 10).versions} == {HEAD + b"2" * 3_000}

    def test_a_read_at_the_etag_that_the_build_replaced_never_gets_other_bytes(self, store: FileStore) -> None:
        etag = put(store, self.TAIL)
        [before] = store.versions("t", 10).versions
        self.build(store)
        with pytest.raises(ConditionFailed):
            store.read("t", etag, [(0, 10)], version=before.id)

    def test_it_can_be_copied(self, store: FileStore) -> None:
        put(store, self.TAIL)
        built = self.build(store)
        earlier = store.versions("t", 10).versions[1]
        source = CopySource("t", built, 0, 1_000, earlier.id)
        store.splice("u", HEAD, source, condition=IfAbsent(), commit="c")
        assert store.get("u") == StoredObject(HEAD + HEAD, store.etag("u"))

    def test_the_link_of_a_version_before_its_build_still_leads_to_its_bytes(self, store: FileStore) -> None:
        put(store, self.TAIL)
        link = store.link("t", 60, "t.lhv1", version=store.versions("t", 1).versions[0].id)
        self.build(store)
        with urlopen(link) as answer:
            assert answer.read() == self.TAIL

    def test_the_link_of_a_version_after_its_build_leads_to_the_build(self, store: FileStore) -> None:
        put(store, self.TAIL)
        etag = self.build(store)
        link = store.link("t", 60, "t.lhv1", version=store.versions("t", 10).versions[1].id)
        put(store, b"more", etag)
        with urlopen(link) as answer:
            assert answer.read() == HEAD + self.BUILT

    def test_a_marker_that_a_crash_left_hides_no_version(self, store: FileStore, folder: Path) -> None:
        etag = put(store, self.TAIL)
        [before] = store.versions("t", 10).versions
        (folder / ".versions/t").mkdir(parents=True)
        (folder / f".versions/t/{before.id}={int(before.id) + 1:020d}").write_bytes(b"")
        assert [one.id for one in store.versions("t", 10).versions] == [before.id]
        put(store, b"more", etag)
        assert self.read(store, before.id) == self.TAIL
        assert [path.name for path in (folder / ".versions/t").iterdir()] == [before.id]

    @pytest.mark.parametrize("text", [b"", b"x", b'"' + b"x" * 500, b'"a\r\nb"'])
    def test_a_marker_that_was_changed_by_hand_shows_the_etag_of_the_build(
        self, text: bytes, store: FileStore, folder: Path
    ) -> None:
        put(store, self.TAIL)
        etag = self.build(store)
        [marker] = (folder / ".versions/t").iterdir()
        marker.write_bytes(text)
        assert [one.etag for one in store.versions("t", 10).versions] == [etag, etag]

    def test_no_marker_is_written_if_no_version_is_wanted(self, folder: Path) -> None:
        store = opened(folder, keep=Keep(versions=0))
        put(store, self.TAIL)
        self.build(store)
        assert not (folder / ".versions").exists()

    def test_a_copy_with_an_old_time_can_be_built(self, store: FileStore, folder: Path) -> None:
        put(store, b"2nd", put(store, b"first"))
        old = folder / "old.lhv1"
        old.write_bytes(b"third")
        os.utime(old, (1e9, 1e9))
        old.rename(folder / "t.lhv1")
        self.build(store)
        newest, copied, first = store.versions("t", 10).versions
        assert [self.read(store, one.id) for one in (newest, copied)] == [HEAD + self.BUILT] * 2
        assert self.read(store, first.id) == b"first"
