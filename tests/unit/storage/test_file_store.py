"""The store in a folder: its files are the objects, copied ones too, and a warm read costs one `stat`."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import time_ns
from urllib.request import urlopen

import pytest
from msgspec import structs

from tests.support.backends import LEAST_PART
from tests.support.failing_system import QUICK, Calls, fails_with
from tests.support.object_versions import NEW, OLD
from tests.support.services import FOREVER, Clock, a_service, vector
from vectord.errors import (
    ConditionFailed,
    FolderRefused,
    ObjectNotFound,
    StoreUnavailable,
    WriteConflict,
)
from vectord.lhv1 import frame
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfAbsent, IfMatch, NotModified, ObjectHead, StoredObject
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore
from vectord.storage.files.system import System

GENERATION = "0" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return opened(folder)


def opened(folder: Path, system: System = QUICK, keep: Keep | None = None) -> FileStore:
    return FileStore(folder, keep=keep, least_part=LEAST_PART, system=system)


def put(store: FileStore, data: bytes, etag: str | None = None, name: str = "t") -> str:
    return store.put(name, data, IfMatch(etag) if etag else IfAbsent(), "c")


def age(path: Path, seconds: float = 60) -> None:
    """Make a file as old as if no change of it could be unnoticed."""
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - int(seconds * 1e9)))


class TestEtags:
    @pytest.fixture
    def index(self, store: FileStore, folder: Path) -> Path:
        service = a_service(store, clock=Clock(ids="commit"))
        service.create(NewIndex("films", 2), FOREVER)
        service.add("films", [vector("alien", 1.0, 0.5)], FOREVER)
        return folder / "films.lhv1"

    def test_the_etag_of_an_index_has_its_commit_id_and_its_seal(self, store: FileStore, index: Path) -> None:
        envelope = frame.decode(index.read_bytes())[0].envelope
        etag = store.etag("films")
        assert etag.startswith(f'"{envelope.commit}-')
        assert etag.endswith(f'-{index.stat().st_size:x}"')

    def test_an_index_with_a_long_envelope_is_identified_by_it_too(self, store: FileStore, index: Path) -> None:
        service = a_service(store, clock=Clock(ids="large"))
        service.add("films", [vector(f"{'x' * 1_000}{number}", 1.0, 0.5) for number in range(100)], FOREVER)
        assert store.etag("films").startswith('"large-1-')

    def test_a_padded_envelope_is_read_as_far_as_its_seal(self, folder: Path, index: Path) -> None:
        head, _ = frame.decode(index.read_bytes())
        padded = frame.encode_head(head.envelope, 5 << 20) + index.read_bytes()[head.body_start :]
        (folder / "padded.lhv1").write_bytes(padded)
        calls = Calls(names=("pread",))
        etag = opened(folder, calls.system()).etag("padded")
        assert etag.startswith(f'"{head.envelope.commit}-')
        assert len(calls.made) == 1

    def test_every_process_computes_the_same_etag(self, store: FileStore, folder: Path, index: Path) -> None:
        assert opened(folder).etag("films") == store.etag("films")

    def test_a_copy_has_the_etag_of_the_original(self, store: FileStore, folder: Path, index: Path) -> None:
        (folder / "copy.lhv1").write_bytes(index.read_bytes())
        assert store.etag("copy") == store.etag("films")

    @pytest.mark.parametrize(
        "damage",
        [lambda data: data[:-1], lambda data: data + b"x", lambda data: data.replace(b"alien", b"atoll")],
        ids=["shorter", "longer", "another id"],
    )
    def test_a_damaged_copy_has_another_etag_or_is_refused_by_its_seal(
        self, damage: Callable[[bytes], bytes], store: FileStore, folder: Path, index: Path
    ) -> None:
        (folder / "copy.lhv1").write_bytes(damage(index.read_bytes()))
        if store.etag("copy") == store.etag("films"):
            with pytest.raises(frame.BlobCorrupt):
                frame.decode((folder / "copy.lhv1").read_bytes())

    @pytest.mark.parametrize("data", [b"", b"LHV1", b"LHV1\xff\xff\xff\xff", b"LHV1\0\0\0\x02{}", b"{" * 100])
    def test_any_other_object_is_identified_by_all_its_bytes(self, data: bytes, store: FileStore) -> None:
        assert put(store, data) == put(store, data, name="same") != put(store, data + b"!", name="other")

    def test_a_commit_id_that_is_not_plain_never_breaks_the_etag(self, store: FileStore, index: Path) -> None:
        envelope = frame.decode(index.read_bytes())[0].envelope
        odd = structs.replace(envelope, commit='a"\r\nb', sections=[], ids=[], metadata={})
        etag = put(store, frame.encode_head(odd), name="odd")
        assert etag.strip('"').replace("-", "").isalnum()


class TestWarmReads:
    def calls_of_a_read(self, folder: Path, *, wait: bool = True) -> list[str]:
        put(opened(folder), b"rows")
        now = [0]
        calls = Calls(system=structs.replace(QUICK, time_ns=lambda: now[0]))
        store = opened(folder, calls.system())
        now[0] = (folder / "t.lhv1").stat().st_ctime_ns + (10**9 if wait else 10**6)
        etag = store.etag("t")
        calls.made.clear()
        assert store.head("t", 100, etag) == NotModified()
        return calls.made

    def test_a_conditional_read_of_an_unchanged_object_is_one_stat(self, folder: Path) -> None:
        assert self.calls_of_a_read(folder) == ["stat"]

    def test_a_file_that_changed_just_before_it_was_read_is_read_again(self, folder: Path) -> None:
        """Its times may stay the same if it changes again within the same tick of the clock."""
        assert "pread" in self.calls_of_a_read(folder, wait=False)

    def test_a_writer_does_not_read_what_it_wrote(self, folder: Path) -> None:
        calls = Calls()
        store = opened(folder, calls.system())
        etag = put(store, b"rows")
        calls.made.clear()
        assert store.get("t", etag) == NotModified()
        assert calls.made == ["stat"]

    def test_states_of_one_size_that_follow_each_other_at_once_have_different_times(self, folder: Path) -> None:
        """A reader that knows the first must not take the third, which may have its inode, for it."""
        store, reader = opened(folder, keep=Keep(versions=0)), opened(folder)
        etag = put(store, b"%06d" % 0)
        for number in range(1, 300):
            reader.etag("t")
            etag = put(store, b"%06d" % number, etag)
            assert reader.get("t") == StoredObject(b"%06d" % number, etag)

    def test_a_clock_that_goes_back_never_makes_a_state_look_older(self, folder: Path) -> None:
        now = [2_000_000_000_000_000_000]
        store = opened(folder, structs.replace(QUICK, time_ns=lambda: now[0]))
        etag = put(store, b"one")
        now[0] -= 3_600 * 10**9
        put(store, b"two", etag)
        ids = [one.id for one in store.versions("t", 10).versions]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == 2

    def test_a_version_that_another_writer_deletes_meanwhile_is_older(self, folder: Path) -> None:
        """Its deletion may be later than the time that this writer has chosen for its own file."""
        other = opened(folder)

        def fsync(fd: int) -> None:
            if not other.versions("t", 1).versions:
                other.delete("t", IfMatch(put(other, b"meanwhile")))

        put(opened(folder, structs.replace(QUICK, fsync=fsync)), b"ours")
        [deleted] = (folder / ".versions/t").iterdir()
        assert (folder / "t.lhv1").stat().st_mtime_ns > int(deleted.suffix[1:])
        states = [(one.deleted, one.bytes, one.latest) for one in other.versions("t", 10).versions]
        assert states == [(False, 4, True), (True, 0, False), (False, 9, False)]

    @pytest.mark.parametrize("tick", [100, 1_000, 1_000_000_000, 2_000_000_000])
    def test_a_file_system_that_rounds_times_still_orders_the_versions(self, tick: int, folder: Path) -> None:
        def utime(file: int | str, *, ns: tuple[int, int]) -> None:
            os.utime(file, ns=(ns[0] // tick * tick, ns[1] // tick * tick))

        store = opened(folder, structs.replace(QUICK, utime=utime))
        etag, states = None, [b"%d" % number for number in range(4)]
        for state in states:
            etag = put(store, state, etag)
        found = [store.head("t", 9, version=one.id) for one in store.versions("t", 10).versions]
        assert [head.data for head in found if isinstance(head, ObjectHead)] == states[::-1]


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


class TestFolder:
    def test_a_write_whose_condition_does_not_hold_writes_no_byte(self, store: FileStore, folder: Path) -> None:
        put(store, b"rows")
        calls = Calls(names=("write",))
        with pytest.raises(ConditionFailed):
            put(opened(folder, calls.system()), b"more", '"another"')
        assert calls.made == []

    def test_a_folder_is_made_with_those_above_it(self, tmp_path: Path) -> None:
        put(opened(tmp_path / "a/b c/d"), b"rows")
        assert (tmp_path / "a/b c/d/t.lhv1").read_bytes() == b"rows"

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_bytes(b"")
        with pytest.raises(FolderRefused, match="a file is where it needs a folder"):
            opened(tmp_path / "data")

    def test_a_folder_that_was_removed_is_not_made_again(self, store: FileStore, folder: Path) -> None:
        """A disk may have been unmounted: what is written to its place would be hidden later."""
        etag = put(store, b"rows")
        folder.rename(folder.with_name("away"))
        calls = [
            lambda: store.get("t"),
            lambda: store.etag("u"),
            lambda: store.head("t", 1, etag),
            lambda: store.read("t", etag, [(0, 1)]),
            lambda: store.list("", 10, None),
            lambda: store.versions("t", 10),
            lambda: put(store, b"new", name="u"),
            lambda: store.delete("t", IfMatch(etag)),
            lambda: store.stage(".staging/1", [b""]),
        ]
        for call in calls:
            with pytest.raises(FolderRefused, match="was removed"):
                call()
        assert not folder.exists()
        folder.with_name("away").rename(folder)
        assert store.etag("t") == etag

    def test_a_read_only_folder_is_read_and_refuses_writes(self, store: FileStore, folder: Path) -> None:
        etag = put(store, b"2", put(store, b"1"))
        no = fails_with(errno.EROFS)

        def refused(*arguments: object, **named: object) -> None:
            no("", lambda: None)

        def read_only(path: str, flags: int, *mode: int) -> int:
            return os.open(path, flags, *mode) if flags & (os.O_RDWR | os.O_CREAT) == 0 else no("", lambda: None)

        changes = dict.fromkeys(("link", "rename", "unlink", "mkdir", "rmdir", "utime"), refused)
        reader = opened(folder, structs.replace(QUICK, open=read_only, **changes))
        newest, oldest = reader.versions("t", 10).versions
        assert reader.get("t") == StoredObject(b"2", etag)
        assert reader.read("t", oldest.etag or "", [(0, 1)], version=oldest.id) == [b"1"]
        assert reader.link("t", 60, "t.lhv1", version=newest.id).endswith("/t.lhv1")
        for change in (lambda: put(reader, b"3", etag), lambda: reader.delete("t", IfMatch(etag))):
            with pytest.raises(FolderRefused, match="read-only"):
                change()

    def test_a_file_system_without_locks_is_refused(self, folder: Path) -> None:
        store = opened(folder, Calls(1, fails_with(errno.ENOLCK), ("flock",)).system())
        with pytest.raises(FolderRefused, match="no locks"):
            put(store, b"rows")

    def test_too_many_open_files_may_pass(self, store: FileStore, folder: Path) -> None:
        put(store, b"rows")
        with pytest.raises(StoreUnavailable, match="EMFILE"):
            opened(folder, Calls(1, fails_with(errno.EMFILE), ("open",)).system()).get("t")


class TestLeftovers:
    def test_a_staged_object_is_removed_after_a_day(self, store: FileStore, folder: Path) -> None:
        for name in ("old", "new"):
            store.stage(f".staging/{name}", [b""])
        age(folder / ".staging/old", seconds=24 * 3600 + 60)
        put(opened(folder), b"")
        assert [path.name for path in (folder / ".staging").iterdir()] == ["new"]

    def test_a_file_that_another_process_is_writing_is_left_alone(self, store: FileStore, folder: Path) -> None:
        def parts() -> Iterator[bytes]:
            put(opened(folder), b"")  # another process starts and sweeps
            yield b"rows"

        store.stage(".staging/1", parts())
        assert store.get(".staging/1") == StoredObject(b"rows", store.etag(".staging/1"))

    def test_what_others_put_into_the_folders_of_the_store_never_stops_a_sweep(
        self, store: FileStore, folder: Path
    ) -> None:
        put(store, b"2", put(store, b"1"))
        store.stage(".staging/old", [b""])
        for name in (".temporary", ".staging", ".versions"):
            for number in range(9):
                (folder / name / f"{number}-folder").mkdir()
                (folder / name / f"{number}-file").write_bytes(b"")
        for path in (folder / ".staging").iterdir():
            age(path, seconds=24 * 3600 + 60)
        later = time_ns() + 8 * 24 * 3600 * 10**9
        put(opened(folder, structs.replace(QUICK, time_ns=lambda: later)), b"", name="u")
        assert [path.name for path in (folder / ".temporary").iterdir() if path.is_file()] == []
        assert [path.name for path in (folder / ".staging").iterdir() if path.is_file()] == []
        assert not (folder / ".versions/t").exists()

    def test_a_process_sweeps_once_an_hour(self, folder: Path) -> None:
        now = [0.0]
        store = opened(folder, structs.replace(QUICK, monotonic=lambda: now[0]))
        put(store, b"")
        left = folder / ".temporary/left"
        left.write_bytes(b"")
        put(store, b"", name="u")
        assert left.exists()
        now[0] = 3_601.0
        put(store, b"", name="v")
        assert not left.exists()


class TestLocks:
    def test_a_writer_that_was_stopped_makes_others_give_up_and_say_so(self, store: FileStore, folder: Path) -> None:
        etag = put(store, b"rows")
        now = [0.0]
        other = opened(
            folder, structs.replace(QUICK, monotonic=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
        )
        fds = [os.open(path, os.O_RDWR) for path in (folder / ".locks").iterdir()]
        for fd in fds:
            fcntl.flock(fd, fcntl.LOCK_EX)
        with pytest.raises(WriteConflict):
            put(other, b"more", etag)
        assert 10 <= now[0] < 11
        for fd in fds:
            os.close(fd)
        put(other, b"more", etag)

    def test_a_lock_of_a_file_that_was_removed_before_it_was_locked_excludes_others(
        self, store: FileStore, folder: Path
    ) -> None:
        etag = put(store, b"one")
        [lock] = (folder / ".locks").iterdir()
        removed, seen = lock.stat(), []

        def flock(fd: int, operation: int) -> None:
            if os.path.samestat(os.fstat(fd), removed):
                lock.unlink(missing_ok=True)
            fcntl.flock(fd, operation)

        def rename(source: str, target: str) -> None:
            with lock.open() as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seen.append(target)
            os.rename(source, target)  # noqa: PTH104

        put(opened(folder, structs.replace(QUICK, flock=flock, rename=rename)), b"two", etag)
        assert seen == [str(folder / "t.lhv1")]

    def test_a_process_that_was_forked_in_a_write_does_not_keep_the_lock(self, folder: Path) -> None:
        inherited: list[int] = []

        def open_and_inherit(path: str, *arguments: int) -> int:
            fd = os.open(path, *arguments)
            if "/.locks/" in path:
                inherited.append(os.dup(fd))
            return fd

        store = opened(folder, structs.replace(QUICK, open=open_and_inherit))
        etag = put(store, b"one")
        put(opened(folder), b"two", etag)
        for fd in inherited:
            os.close(fd)
        assert inherited
