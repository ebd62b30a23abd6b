"""Exports contain one consistent state; an export that is impossible is refused."""

import base64
import json
from functools import cache
from pathlib import Path

import msgspec
import pytest

from tests.support import compactions, shards
from tests.support.compactions import DIMENSION, vectors
from tests.support.hostile import take_apart
from tests.support.scripted_store import ScriptedStore, after, fails_with, no_reply, passes_through
from tests.support.services import FOREVER, Clock, new_section_cache
from vectord.cache.section_cache import SectionCache
from vectord.errors import AnswerTooLarge, BlobCorrupt, ConditionFailed, IndexNotFound, StorageSilent, StoreRefused
from vectord.service.export import Exported, ExportRequest, Exports
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent, IfMatch, Store, StoredObject
from vectord.storage.memory import MemoryStore
from vectord.writers.export import Format

ROWS = [str(row) for row in range(900)]
ROOM = 1 << 30


def an_export(
    store: Store,
    folder: Path,
    *,
    environment: Environment | None = None,
    room: int = ROOM,
    files: SectionCache | None = None,
) -> Exports:
    environment = environment or Clock(ids="export").environment()
    retry_policy = RetryPolicy(max_attempts=4)
    service = Service(
        store, files or new_section_cache(), memory_bytes=1 << 20, environment=environment, retry_policy=retry_policy
    )
    return Exports(service, folder, room)


@pytest.fixture
def store() -> ScriptedStore:
    """A store with a packed index `t` that is longer than the first request reads."""
    store = ScriptedStore(least_part=1)
    store.inner.put("t", a_packed_blob(), IfAbsent(), "setup")
    return store


@cache
def a_packed_blob() -> bytes:
    store = MemoryStore(least_part=1)
    writer = compactions.a_writer(store)
    writer.create(NewIndex("t", DIMENSION), FOREVER)
    writer.add("t", vectors(*ROWS), FOREVER)
    found = store.get("t")
    assert isinstance(found, StoredObject)
    return found.data


def change(store: ScriptedStore) -> None:
    compactions.a_writer(store.inner).delete("t", Selection(["0"]), FOREVER)


def ids_in(made: Exported) -> list[str]:
    assert made.file.data is not None
    return [json.loads(line)["id"] for line in made.file.data.splitlines()]


def test_an_index_that_changes_during_the_read_is_exported_in_its_new_state(
    store: ScriptedStore, tmp_path: Path
) -> None:
    store.on("read", after(lambda: change(store)))
    made = an_export(store, tmp_path).export("t", ExportRequest("jsonl"), FOREVER)
    assert made.etag == store.inner.etag("t")
    assert sorted(ids_in(made)) == sorted(ROWS[1:])


def changing(store: ScriptedStore) -> Environment:
    """Return an environment in which the index changes when its export draws an id, before the first byte."""
    return msgspec.structs.replace(Clock().environment(), new_id=lambda: (change(store), "an-id")[1])


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "lhv1"])
def test_an_index_that_changes_after_the_file_was_begun_is_exported_in_its_old_state(
    store: ScriptedStore, tmp_path: Path, kind: Format
) -> None:
    before = store.inner.etag("t")
    made = an_export(store, tmp_path, environment=changing(store)).export("t", ExportRequest(kind), FOREVER)
    assert made.etag == before != store.inner.etag("t")
    if kind == "jsonl":
        assert sorted(ids_in(made)) == sorted(ROWS)


def test_a_file_whose_staging_got_no_reply_is_staged_again(store: ScriptedStore, tmp_path: Path) -> None:
    store.on("stage", no_reply, passes_through)
    made = an_export(store, tmp_path).export("t", ExportRequest("jsonl", linked=True), FOREVER)
    first, second = (name for method, name, *_ in store.calls if method == "stage")
    assert first != second
    staged = store.inner.get(second)
    assert isinstance(staged, StoredObject)
    assert (made.file.size, made.file.url) == (len(staged.data), data_url(staged.data))


def test_a_tail_in_the_object_belongs_to_the_same_state(store: ScriptedStore, tmp_path: Path) -> None:
    late = [f"late-{row}" for row in range(700)]
    compactions.a_writer(store.inner).add("t", vectors(*late, seed=1), FOREVER)
    made = an_export(store, tmp_path, environment=changing(store)).export("t", ExportRequest("jsonl"), FOREVER)
    assert ids_in(made)[-700:] == late


def data_url(data: bytes) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"


def test_a_refused_staging_is_reported(store: ScriptedStore, tmp_path: Path) -> None:
    store.always("stage", no_reply)
    with pytest.raises(StorageSilent):
        an_export(store, tmp_path).export("t", ExportRequest("jsonl", linked=True), FOREVER)
    store.always("stage", fails_with(StoreRefused("AccessDenied")))
    with pytest.raises(StoreRefused):
        an_export(store, tmp_path).export("t", ExportRequest("jsonl", linked=True), FOREVER)


def test_a_small_file_is_staged_only_if_a_link_is_requested(store: ScriptedStore, tmp_path: Path) -> None:
    exports = an_export(store, tmp_path)
    here, linked = (exports.export("t", ExportRequest("jsonl", linked=linked), FOREVER) for linked in (False, True))
    assert store.count("stage") == 1
    assert (here.file.url, here.file.data and data_url(here.file.data)) == (None, linked.file.url)


@pytest.mark.parametrize(("less", "staged"), [(0, 0), (1, 1)])
def test_a_file_that_fits_a_response_is_not_staged(
    store: ScriptedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, less: int, staged: int
) -> None:
    exports = an_export(store, tmp_path)
    size = exports.export("t", ExportRequest("jsonl"), FOREVER).file.size
    monkeypatch.setattr("vectord.service.export.MAX_INLINE", size - less)
    made = exports.export("t", ExportRequest("jsonl"), FOREVER)
    assert (made.file.size, made.file.data is None, store.count("stage")) == (size, staged == 1, staged)


def test_an_export_without_enough_time_is_refused_and_not_staged(store: ScriptedStore, tmp_path: Path) -> None:
    clock = Clock(ids="export")

    def slowly() -> None:
        clock.now += 30

    store.on("read", after(slowly))
    with pytest.raises(AnswerTooLarge, match="takes longer"):
        an_export(store, tmp_path, environment=clock.environment()).export(
            "t", ExportRequest("jsonl", linked=True), Deadline(20.0)
        )
    assert store.count("stage") == 0


def test_a_graph_build_without_enough_time_is_not_started(store: ScriptedStore, tmp_path: Path) -> None:
    change(store)
    clock = Clock(ids="export")
    exports = an_export(store, tmp_path, environment=clock.environment())
    with pytest.raises(AnswerTooLarge, match="'t' has changed since its graph was built"):
        exports.export("t", ExportRequest("lhv1"), Deadline(clock.now + 1e-3))
    assert exports.export("t", ExportRequest("lhv1"), FOREVER).file.size > 100_000


def test_an_existing_graph_is_exported_unchanged(store: ScriptedStore, tmp_path: Path) -> None:
    clock = Clock(ids="export")
    made = an_export(store, tmp_path, environment=clock.environment()).export(
        "t", ExportRequest("lhv1"), Deadline(clock.now + 1e-3)
    )
    assert made.file.size > 100_000


def test_a_parquet_file_larger_than_the_disk_is_refused(store: ScriptedStore, tmp_path: Path) -> None:
    needed = 2 * 4 * DIMENSION * len(ROWS)
    with pytest.raises(AnswerTooLarge, match=f"{needed:,} bytes of disk"):
        an_export(store, tmp_path, room=needed - 1).export("t", ExportRequest("parquet"), FOREVER)
    exports = an_export(store, tmp_path, room=needed)
    assert exports.export("t", ExportRequest("parquet"), FOREVER).file.size > 0
    assert exports.export("t", ExportRequest("jsonl"), FOREVER).file.size > 0


def test_an_index_larger_than_the_disk_is_refused(store: ScriptedStore, tmp_path: Path) -> None:
    with pytest.raises(AnswerTooLarge, match="index 't' has"):
        an_export(store, tmp_path, files=new_section_cache(100_000)).export("t", ExportRequest("jsonl"), FOREVER)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "lhv1"])
def test_the_error_of_a_corrupt_section_names_the_index(store: ScriptedStore, tmp_path: Path, kind: Format) -> None:
    found = store.inner.get("t")
    assert isinstance(found, StoredObject)
    damaged = bytearray(found.data)
    damaged[-1] ^= 1
    store.inner.put("t", bytes(damaged), IfMatch(found.etag), "")
    with pytest.raises(BlobCorrupt, match="Index 't' cannot be read"):
        an_export(store, tmp_path).export("t", ExportRequest(kind), FOREVER)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "lhv1"])
def test_the_error_of_invalid_rows_with_a_correct_checksum_names_the_index(
    store: ScriptedStore, tmp_path: Path, kind: Format
) -> None:
    found = store.inner.get("t")
    assert isinstance(found, StoredObject)
    blob = take_apart(found.data)
    rows = blob.section("rows")
    at = rows.rindex(b'"seed"')
    rows[at + 1] = 0xFF  # not UTF-8
    store.inner.put("t", blob.with_section("rows", rows).data, IfMatch(found.etag), "")
    with pytest.raises(BlobCorrupt, match="Index 't' cannot be read"):
        an_export(store, tmp_path).export("t", ExportRequest(kind), FOREVER)


# ---- shards

MANY = [str(row) for row in range(3_000)]  # more than the first request of a shard reads


@pytest.fixture
def parted() -> shards.HookedStore:
    """A store with an index `t` of three shards."""
    store = shards.HookedStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", DIMENSION, shards=3), FOREVER)
    service.add("t", vectors(*MANY), FOREVER)
    return store


def test_the_file_contains_every_shard_once(parted: shards.HookedStore, tmp_path: Path) -> None:
    made = an_export(parted, tmp_path).export("t", ExportRequest("jsonl"), FOREVER)
    assert sorted(ids_in(made)) == sorted(MANY)
    assert made.etag == shards.a_service(parted).describe("t", FOREVER).etag


def test_a_shard_that_changes_during_the_read_is_exported_in_its_new_state(
    parted: shards.HookedStore, tmp_path: Path
) -> None:
    def fails() -> None:
        del parted.before["read", "/1"]
        shards.a_service(parted.inner).delete("t", Selection(list(MANY)), FOREVER)
        raise ConditionFailed("t")

    parted.before["read", "/1"] = fails
    made = an_export(parted, tmp_path).export("t", ExportRequest("jsonl"), FOREVER)
    assert 0 < len(ids_in(made)) < len(MANY)  # the first shard was read before


def test_the_error_of_a_missing_shard_names_it(parted: shards.HookedStore, tmp_path: Path) -> None:
    generation = shards.a_service(parted).describe("t", FOREVER).params.generation
    name = f"t/{generation}/1"
    parted.inner.delete(name, IfMatch(parted.inner.etag(name)))
    with pytest.raises(BlobCorrupt, match=f"Index '{name}' cannot be read: its object is missing"):
        an_export(parted, tmp_path).export("t", ExportRequest("jsonl"), FOREVER)


def test_a_sharded_index_deleted_during_its_export_is_not_found(parted: shards.HookedStore, tmp_path: Path) -> None:
    def gone() -> None:
        parted.before.clear()
        shards.a_service(parted.inner).delete_index("t", FOREVER)

    parted.before["head", "/2"] = gone
    with pytest.raises(IndexNotFound):
        an_export(parted, tmp_path).export("t", ExportRequest("jsonl"), FOREVER)


def test_the_disk_limit_applies_to_all_shards_together(parted: shards.HookedStore, tmp_path: Path) -> None:
    needed = 2 * 4 * DIMENSION * len(MANY)
    with pytest.raises(AnswerTooLarge, match="bytes of disk"):
        an_export(parted, tmp_path, room=needed - 1).export("t", ExportRequest("parquet"), FOREVER)
    assert an_export(parted, tmp_path, room=needed).export("t", ExportRequest("parquet"), FOREVER).file.size > 0
