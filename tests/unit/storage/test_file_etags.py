"""The ETags of files, and what a warm read costs: one `stat`."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.failing_system import QUICK, Calls
from tests.support.file_stores import opened, put
from tests.support.services import FOREVER, Clock, a_service, vector
from vectord.lhv1 import frame
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfMatch, NotModified, ObjectHead, StoredObject
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore


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
