"""Which files are objects: copied ones are, and no name is a path outside the folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.failing_system import QUICK
from tests.support.file_stores import GENERATION, opened, put
from tests.support.object_versions import NEW, OLD
from vectord.errors import (
    ConditionFailed,
    FolderRefused,
    ObjectNotFound,
)
from vectord.storage.base import IfMatch, StoredObject
from vectord.storage.files.store import FileStore


class TestFilesOfOthers:
    def test_a_file_that_is_copied_into_the_folder_is_an_object(self, store: FileStore, folder: Path) -> None:
        (folder / "mine.lhv1").write_bytes(b"rows")
        etag = store.etag("mine")
        assert store.get("mine") == StoredObject(b"rows", etag)
        assert [one.name for one in store.list("", 10, None).objects] == ["mine"]
        put(store, b"more", etag, name="mine")
        assert [one.bytes for one in store.versions("mine", 10).versions] == [4, 4]

    def test_a_copy_over_an_object_is_a_new_state(self, store: FileStore, folder: Path) -> None:
        etag = put(store, b"rows")
        (folder / "t.lhv1").write_bytes(b"copy")
        with pytest.raises(ConditionFailed):
            put(store, b"lost", etag)
        assert store.get("t") == StoredObject(b"copy", store.etag("t"))

    def test_a_copy_over_an_object_leaves_its_earlier_versions_as_they_were(
        self, store: FileStore, folder: Path
    ) -> None:
        put(store, b"newer", put(store, b"older"))
        (folder / "t.lhv1").write_bytes(b"copy!")
        oldest = store.versions("t", 10).versions[-1]
        assert store.read("t", oldest.etag or "", [(0, 5)], version=oldest.id) == [b"older"]

    def test_a_copy_with_an_old_time_is_the_newest_version_all_the_same(self, store: FileStore, folder: Path) -> None:
        put(store, b"2nd", put(store, b"first"))
        old = folder / "old.lhv1"
        old.write_bytes(b"third")
        os.utime(old, (1e9, 1e9))
        old.rename(folder / "t.lhv1")
        sizes = [one.bytes for one in store.versions("t", 10).versions]
        assert sizes == [5, 5]  # the second state was replaced by hand
        put(store, b"fourth", store.etag("t"))
        page = store.versions("t", 10)
        assert [one.bytes for one in page.versions] == [6, 5, 5]
        assert [one.latest for one in page.versions] == [True, False, False]

    def test_a_file_that_is_overwritten_while_it_is_read_is_not_one_state(self, store: FileStore, folder: Path) -> None:
        etag = put(store, OLD)
        path = folder / "t.lhv1"

        def pread(fd: int, count: int, start: int) -> bytes:
            if start:  # the ETag was computed from the start
                path.write_bytes(NEW)
            return os.pread(fd, count, start)

        with pytest.raises(ConditionFailed):
            opened(folder, structs.replace(QUICK, pread=pread)).read("t", etag, [(5, 10)])

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
    def test_what_is_not_a_file_is_refused_and_not_listed(
        self, make: Callable[[Path], None], store: FileStore, folder: Path
    ) -> None:
        make(folder / "t.lhv1")
        assert store.list("", 10, None).objects == ()
        for read in (store.get, store.etag, lambda name: store.head(name, 1)):
            with pytest.raises(FolderRefused, match="not a file"):
                read("t")
        with pytest.raises(FolderRefused, match="not a file"):
            put(store, b"rows")

    def test_other_files_in_the_folder_are_left_alone(self, store: FileStore, folder: Path) -> None:
        for name in ("notes.txt", ".hidden.lhv1", "films.lhv1.bak", "a b.lhv1", "ä.lhv1"):
            (folder / name).write_bytes(b"mine")
        put(store, b"rows")
        assert [one.name for one in store.list("", 10, None).objects] == ["t"]
        assert (folder / "notes.txt").read_bytes() == b"mine"


class TestNames:
    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../t", "a/b", "/etc/t", ".s3vectors/", ".s3vectors/../t", "t\n", "ä"]
    )
    def test_a_name_that_no_object_can_have_is_never_a_path(self, name: str, store: FileStore, folder: Path) -> None:
        with pytest.raises(ObjectNotFound):
            store.get(name)
        with pytest.raises(ObjectNotFound):
            put(store, b"rows", name=name)
        assert [path.name for path in folder.parent.iterdir()] == ["data"]

    @pytest.mark.parametrize("token", ["a/b", "..", "../../t", "a b", "x" * 300])
    def test_a_staged_object_stays_in_the_folder_of_staged_objects(
        self, token: str, store: FileStore, folder: Path
    ) -> None:
        try:
            store.stage(f".staging/{token}", [b"rows"])
        except ObjectNotFound:
            assert token in ("..", "x" * 300)
            return
        assert [path.read_bytes() for path in (folder / ".staging").iterdir()] == [b"rows"]

    def test_an_index_and_the_shards_of_another_whose_name_is_its_file_are_apart(self, store: FileStore) -> None:
        """The file of `films` and the folder of the shards of `films.lhv1` would have one name."""
        put(store, b"index", name="films")
        put(store, b"shard", name=f"films.lhv1/{GENERATION}/0")
        put(store, b"parent", name="films.lhv1")
        assert [one.name for one in store.list("", 10, None).objects] == ["films", "films.lhv1"]
        assert store.get(f"films.lhv1/{GENERATION}/0") == StoredObject(
            b"shard", store.etag(f"films.lhv1/{GENERATION}/0")
        )

    def test_an_object_is_where_it_would_be_under_a_prefix_of_a_bucket(self, store: FileStore, folder: Path) -> None:
        for name in ("films", f"films/{GENERATION}/12", ".s3vectors/movies"):
            put(store, b"", name=name)
        store.stage(".staging/1", [b""])
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert {path for path in found if not path.startswith(".locks/")} == {
            "films.lhv1",
            f"films/{GENERATION}/12.lhv1",
            ".s3vectors/movies.json",
            ".staging/1",
        }

    def test_a_folder_of_shards_may_be_removed_by_another_process_just_before_it_is_used(self, folder: Path) -> None:
        name, removed = f"films/{GENERATION}/0", []

        def link(source: str, target: str) -> None:
            if not removed:
                (folder / "films" / GENERATION).rmdir()
                removed.append(target)
            os.link(source, target)

        put(opened(folder, structs.replace(QUICK, link=link)), b"rows", name=name)
        assert removed == [str(folder / f"{name}.lhv1")]
        assert (folder / f"{name}.lhv1").read_bytes() == b"rows"

    @pytest.mark.parametrize("step", ["mkdir", "open"])
    def test_the_folder_above_it_may_be_removed_while_it_is_made(self, step: str, folder: Path) -> None:
        removed: list[str] = []

        def made(path: str) -> None:
            if step == "mkdir" and path.endswith(GENERATION) and not removed:
                (folder / "films").rmdir()
                removed.append(path)
            Path(path).mkdir()

        def synced(path: str, flags: int, *mode: int) -> int:
            if step == "open" and path == str(folder / "films") and not removed:
                (folder / "films" / GENERATION).rmdir()
                (folder / "films").rmdir()
                removed.append(path)
            return os.open(path, flags, *mode)

        put(opened(folder, structs.replace(QUICK, mkdir=made, open=synced)), b"rows", name=f"films/{GENERATION}/0")
        assert len(removed) == 1
        assert (folder / "films" / GENERATION / "0.lhv1").read_bytes() == b"rows"

    @pytest.mark.parametrize("name", [".staging/lease.claim", ".s3vectors/films"])
    def test_a_deletion_leaves_the_folder_that_other_writers_are_about_to_use(
        self, name: str, store: FileStore, folder: Path
    ) -> None:
        store.delete(name, IfMatch(put(store, b"", name=name)))
        assert (folder / name).parent.is_dir()

    def test_the_last_shard_that_is_deleted_takes_its_folders_along(self, store: FileStore, folder: Path) -> None:
        names = [f"films/{GENERATION}/{number}" for number in range(2)]
        etags = [put(store, b"rows", name=name) for name in names]
        for name, etag in zip(names, etags, strict=True):
            assert (folder / "films").exists()
            store.delete(name, IfMatch(etag))
        assert not (folder / "films").exists()
