"""A change under a key is made once: a repeat is answered as the first was, and changes nothing."""

import pytest
from msgspec import structs

from tests.support import compactions, shards
from tests.support.compactions import DIMENSION
from tests.support.scripted_store import ScriptedStore, after, loses_reply
from tests.support.services import FOREVER, vector
from vectord.deadline import no_deadline
from vectord.errors import IdempotencyKeyReused, PreconditionFailed
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.commit.idempotency import Keyed
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.prepared import Effect
from vectord.service.service import Service
from vectord.service.values.options import IdempotencyKey, NewIndex, WriteOptions
from vectord.service.values.results import Added, Deleted
from vectord.service.values.selection import Delete, Selection
from vectord.storage.base import IfAbsent, StoredObject
from vectord.storage.memory import MemoryStore

A, B, C = vector("a", 1, 0), vector("b", 0, 1), vector("c", 1, 1)
KEY = IdempotencyKey("order-1", "00000001")
SAME_KEY = IdempotencyKey("order-1", "00000002")


def test_a_repeated_batch_is_answered_as_the_first_with_the_present_etag(service: Service, other: Service) -> None:
    service.add("t", [A], FOREVER)
    assert service.add("t", [A, B], FOREVER, WriteOptions(key=KEY)).replaced == 1
    now = other.add("t", [C], FOREVER).etag
    assert service.add("t", [A, B], FOREVER, WriteOptions(key=KEY)) == Added(1, 1, 2, now)


def test_a_repeated_batch_does_not_undo_what_came_after(service: Service, other: Service) -> None:
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    other.add("t", [vector("a", 0, 7)], FOREVER)
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    assert service.lookup("t", "a", FOREVER).vector.tolist() == [0, 7]


def test_a_repeat_writes_nothing(store: ScriptedStore, service: Service) -> None:
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    writes = store.count("put")
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    assert store.count("put") == writes


def test_a_repeated_deletion_is_answered_as_the_first(service: Service) -> None:
    service.add("t", [A, B], FOREVER)
    first = service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY))
    assert service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY)) == first == Deleted(1, 1, first.etag)


def test_a_change_that_changed_nothing_does_not_change_anything_later(service: Service, other: Service) -> None:
    assert service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY)).deleted == 0
    other.add("t", [A], FOREVER)
    assert service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY)).deleted == 0
    assert service.describe("t", FOREVER).count == 1


def test_the_key_with_another_request_is_refused(service: Service) -> None:
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    with pytest.raises(IdempotencyKeyReused):
        service.add("t", [B], FOREVER, WriteOptions(key=SAME_KEY))
    assert service.describe("t", FOREVER).count == 1


def test_the_key_for_another_kind_of_change_is_refused_even_where_the_hashes_are_equal(service: Service) -> None:
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    with pytest.raises(IdempotencyKeyReused):
        service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY))


def test_a_key_is_that_of_one_index(store: ScriptedStore, service: Service) -> None:
    """A copy of the object under another name has the record of the key, which is that of the original."""
    service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    copied = store.get("t")
    assert isinstance(copied, StoredObject)
    store.put("u", copied.data, IfAbsent(), "copy")
    service.delete("u", Selection(["a"]), FOREVER)
    service.add("u", [A], FOREVER, WriteOptions(key=KEY))
    assert service.describe("u", FOREVER).count == 1


def test_a_repeat_is_answered_although_the_version_that_it_names_is_past(service: Service) -> None:
    etag = service.describe("t", FOREVER).etag
    done = service.add("t", [A], FOREVER, WriteOptions({etag}, key=KEY))
    assert service.add("t", [A], FOREVER, WriteOptions({etag}, key=KEY)) == done


def test_a_first_try_at_another_version_is_refused_and_leaves_the_key_free(service: Service) -> None:
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({'"old"'}, key=KEY))
    assert service.add("t", [A], FOREVER, WriteOptions(key=KEY)).added == 1


def test_two_at_once_make_the_change_once(store: ScriptedStore, service: Service, other: Service) -> None:
    store.on("put", after(lambda: other.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY))))
    other.add("t", [A], FOREVER)
    assert service.delete("t", Selection(["a"]), FOREVER, WriteOptions(key=KEY)).deleted == 1
    assert other.add("t", [A], FOREVER).added == 1


def test_a_lost_reply_and_a_repeat_of_it_are_one_change(store: ScriptedStore, service: Service, other: Service) -> None:
    store.on("put", loses_reply)
    first = service.add("t", [A], FOREVER, WriteOptions(key=KEY))
    assert other.add("t", [A], FOREVER, WriteOptions(key=KEY)) == first


def test_a_key_outlives_a_build_elsewhere() -> None:
    store = MemoryStore(least_part=1)
    writer = compactions.a_writer(store)
    writer.create(NewIndex("t", DIMENSION), FOREVER)
    writer.add("t", compactions.vectors(*map(str, range(20))), FOREVER)
    late = compactions.vectors(*(f"late{i}" for i in range(9)))
    first = writer.add("t", late, FOREVER, WriteOptions(key=KEY))
    assert compactions.a_compaction(store).compact("t", "holder", FOREVER).outcome == "compacted"
    again = writer.add("t", late, FOREVER, WriteOptions(key=KEY))
    assert (again.added, again.replaced, again.count) == (first.added, first.replaced, first.count) == (9, 0, 29)


def test_a_key_holds_in_every_shard_that_the_batch_reaches() -> None:
    store = MemoryStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", 2, shards=5), FOREVER)
    batch = [vector(f"row-{i}", 1, i) for i in range(12)]
    service.add("t", batch, FOREVER, WriteOptions(key=KEY))
    before = shards.etags(store)
    assert service.add("t", batch, FOREVER, WriteOptions(key=KEY)) == Added(12, 0)
    assert shards.etags(store) == before
    with pytest.raises(IdempotencyKeyReused):
        service.add("t", batch, FOREVER, WriteOptions(key=SAME_KEY))


# ---- tokens


def test_256_keys_are_remembered_and_the_oldest_goes() -> None:
    held: tuple[str, ...] = ()
    for number in range(257):
        held = mutations.with_answer(held, f"key-{number}", "00000001", (number,))
    assert mutations.answer_of(held, "key-0") is None
    assert mutations.answer_of(held, "key-1") == ("00000001", (1,))
    assert len(held) == mutations.MAX_KEYS


@pytest.mark.slow
def test_the_keys_of_2048_queued_changes_are_remembered_beside_those_of_other_requests() -> None:
    held = mutations.with_answer((), "key", "00000001", (7,))
    for number in range(2_049):
        held = mutations.with_answer(held, f"queued-{number}", "00000001", (number,), queued=True)
    assert mutations.answer_of(held, "key") == ("00000001", (7,))
    assert mutations.answer_of(held, "queued-0") is None
    assert mutations.answer_of(held, "queued-1") == ("00000001", (1,))
    for number in range(257):
        held = mutations.with_answer(held, f"key-{number}", "00000001", (number,))
    assert mutations.answer_of(held, "queued-1") == ("00000001", (1,))
    assert len(held) == mutations.MAX_KEYS + mutations.MAX_QUEUED


def test_a_queued_change_is_applied_once_although_256_other_requests_with_keys_follow(
    store: ScriptedStore, service: Service
) -> None:
    queued = WriteOptions(key=structs.replace(KEY, queued=True))

    def deletions(index: Index) -> tuple[Index, Effect]:
        for number in range(257):
            key = IdempotencyKey(f"{number}", "00000002")
            index, _ = Keyed(Delete(Selection(["a"])), key).apply(index, "t", no_deadline)
        return index, ()

    first = service.add("t", [A], FOREVER, queued)
    CommitLoop(service.reader).change("t", deletions, FOREVER)
    again = service.add("t", [A], FOREVER, queued)
    assert (first.added, again.added, service.count("t", None, FOREVER).count) == (1, 1, 0)


def test_commits_and_uploads_push_no_key_out_nor_keys_them() -> None:
    held = mutations.with_commit(mutations.with_upload((), "uploads/a/1.jsonl", "05"), "mine")
    for number in range(300):
        held = mutations.with_answer(held, f"key-{number}", "00000001", (1, 2, 3))
    assert "mine" in held
    assert mutations.is_stale(held, "uploads/a/1.jsonl", "05")
    for number in range(40):
        held = mutations.with_upload(mutations.with_commit(held, f"commit-{number}"), f"uploads/{number}", "05")
    assert mutations.answer_of(held, "key-299") == ("00000001", (1, 2, 3))


@pytest.mark.parametrize(
    "rest", ["", "00000001", "00000001:", "00000001:x", "1:1", "00000001:-1", "00000001:" + "9" * 40]
)
def test_a_token_of_another_form_is_none(rest: str) -> None:
    [token] = mutations.with_answer((), "k", "00000001", (1,))
    assert mutations.answer_of([token.rpartition("00000001")[0] + rest], "k") is None
