"""An Idempotency-Key names one request to a sharded index, whichever shards the request reaches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest

from tests.support.services import FOREVER, vector
from tests.support.shards import (
    IDS,
    ROWS,
    HookedStore,
    a_filled_service,
    a_service,
    etags,
    ids_on_shard,
    object_names,
    vector_count,
)
from tests.support.vectors import item
from vectord.errors import Contended, IdempotencyKeyReused, PartlyApplied, StoreUnavailable, WriteConflict
from vectord.index import mutations
from vectord.service.service import Service
from vectord.service.sharding.messages import AddRequest, ChangeResult
from vectord.service.sharding.placement import shard_of
from vectord.service.values.options import IdempotencyKey, WriteOptions
from vectord.service.values.results import Added
from vectord.service.values.selection import Patch, Selection

# Keys by their home shard: with the digest of one request, and with that of another.
KEYS = {shard_of(text, 3): IdempotencyKey(text, "00000001") for text in map(str, range(20))}
OTHERS = {shard: IdempotencyKey(key.text, "00000002") for shard, key in KEYS.items()}
TAGGED = Patch(msgspec.Raw(b'{"tag": 1}'))

Change = Callable[[Service, list[str], WriteOptions], object]
CHANGES: dict[str, Change] = {
    "add": lambda service, ids, write: service.add("t", [vector(one, 5, 5) for one in ids], FOREVER, write),
    "patch": lambda service, ids, write: service.patch("t", Selection(ids), TAGGED, FOREVER, write),
    "patch by filter": lambda service, _, write: service.patch(
        "t", Selection(filter='{"n": 1}'), TAGGED, FOREVER, write
    ),
    "delete": lambda service, ids, write: service.delete("t", Selection(ids), FOREVER, write),
    "delete by filter": lambda service, _, write: service.delete("t", Selection(filter='{"n": 1}'), FOREVER, write),
}


def changed_shards(store: HookedStore, before: dict[str, str]) -> set[str]:
    return {name.rpartition("/")[2] for name, etag in etags(store.inner).items() if before.get(name) != etag}


@pytest.mark.parametrize("other", CHANGES)
@pytest.mark.parametrize("first", CHANGES)
@pytest.mark.parametrize("home", range(3))
def test_a_key_is_refused_for_another_request_in_other_shards(
    store: HookedStore, filled: Service, home: int, first: str, other: str
) -> None:
    CHANGES[first](filled, ids_on_shard(0)[:1], WriteOptions(key=KEYS[home]))
    before = dict(etags(store.inner))
    with pytest.raises(IdempotencyKeyReused):
        CHANGES[other](filled, ids_on_shard(1)[:1], WriteOptions(key=OTHERS[home]))
    assert changed_shards(store, before) == set()


def test_a_key_that_is_reused_for_a_patch_of_missing_ids_is_refused_as_such(filled: Service) -> None:
    CHANGES["add"](filled, ids_on_shard(0)[:1], WriteOptions(key=KEYS[0]))
    with pytest.raises(IdempotencyKeyReused):
        CHANGES["patch"](filled, ["absent"], WriteOptions(key=OTHERS[0]))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("home", range(3))
def test_a_repeat_changes_no_shard_and_has_the_first_answer(
    store: HookedStore, filled: Service, home: int, change: str
) -> None:
    first = CHANGES[change](filled, ids_on_shard(1)[:1], WriteOptions(key=KEYS[home]))
    before = dict(etags(store.inner))
    assert CHANGES[change](filled, ids_on_shard(1)[:1], WriteOptions(key=KEYS[home])) == first
    assert changed_shards(store, before) == set()


def test_a_key_costs_one_more_commit_at_most(store: HookedStore, filled: Service) -> None:
    before = dict(etags(store.inner))
    CHANGES["add"](filled, ids_on_shard(1)[:1], WriteOptions(key=KEYS[0]))
    assert changed_shards(store, before) == {"0", "1"}
    before = dict(etags(store.inner))
    CHANGES["add"](filled, ids_on_shard(2)[:1], WriteOptions(key=KEYS[2]))
    assert changed_shards(store, before) == {"2"}


def test_a_change_that_selects_nothing_uses_up_its_key(filled: Service) -> None:
    CHANGES["delete"](filled, [], WriteOptions(key=KEYS[0]))
    with pytest.raises(IdempotencyKeyReused):
        CHANGES["delete"](filled, IDS, WriteOptions(key=OTHERS[0]))
    assert vector_count(filled) == len(IDS)


# ---- faults between shards


@pytest.mark.parametrize("failure", [WriteConflict(), StoreUnavailable()], ids=["conflict", "no answer"])
@pytest.mark.parametrize("failing", range(3))
def test_a_repeat_after_a_partial_application_completes_it_and_has_the_same_answer(
    store: HookedStore, filled: Service, failing: int, failure: Exception
) -> None:
    moved = [vector(one, 9, 9) for one in [*IDS, "new"]]
    write = WriteOptions(key=KEYS[0])
    store.fail("put", f"/{failing}", failure)
    with pytest.raises((PartlyApplied, Contended)):
        filled.add("t", moved, FOREVER, write)
    store.before.clear()
    assert filled.add("t", moved, FOREVER, write) == Added(1, len(IDS))
    assert {tuple(filled.lookup("t", one, FOREVER).vector) for one in [*IDS, "new"]} == {(9.0, 9.0)}


@pytest.mark.parametrize("failing", range(1, 3))
def test_a_partly_applied_request_keeps_its_key(store: HookedStore, filled: Service, failing: int) -> None:
    store.fail("put", f"/{failing}", WriteConflict())
    with pytest.raises(PartlyApplied):
        filled.add("t", ROWS, FOREVER, WriteOptions(key=KEYS[0]))
    store.before.clear()
    before = dict(etags(store.inner))
    with pytest.raises(IdempotencyKeyReused):
        filled.delete("t", Selection(ids_on_shard(failing)), FOREVER, WriteOptions(key=OTHERS[0]))
    assert changed_shards(store, before) == set()


def test_if_the_home_shard_refuses_nothing_is_sent_to_the_others(store: HookedStore, filled: Service) -> None:
    before = dict(etags(store.inner))
    store.fail("put", "/0", WriteConflict())
    with pytest.raises(PartlyApplied) as caught:
        filled.add("t", ROWS, FOREVER, WriteOptions(key=KEYS[0]))
    assert caught.value.applied == 0
    assert changed_shards(store, before) == set()


def test_if_the_home_shard_does_not_answer_its_items_are_unknown_and_the_others_missed(
    store: HookedStore, filled: Service
) -> None:
    store.fail("put", "/0", StoreUnavailable())
    with pytest.raises(PartlyApplied) as caught:
        filled.add("t", ROWS, FOREVER, WriteOptions(key=KEYS[0]))
    at_home = len(ids_on_shard(0))
    assert (caught.value.applied, caught.value.unknown, caught.value.missed) == (0, at_home, len(ROWS) - at_home)


class Killed(BaseException):
    """The end of a process, which nothing catches."""


@pytest.mark.parametrize("lost", ["request", "reply"])
@pytest.mark.parametrize("number", range(3))
def test_a_process_that_is_killed_at_any_write_leaves_a_request_that_a_repeat_completes(
    store: HookedStore, filled: Service, number: int, lost: str
) -> None:
    batch = [vector(f"new-{one}", 1, one) for one in range(12)]
    write, puts = WriteOptions(key=KEYS[1]), iter(range(100))

    def step(real: Callable[[], str]) -> str:
        if next(puts) == number:
            if lost == "reply":
                real()
            raise Killed
        return real()

    store.always("put", step)
    with pytest.raises(Killed):
        filled.add("t", batch, FOREVER, write)
    repeated = a_service(store.inner)
    assert repeated.add("t", batch, FOREVER, write) == Added(12, 0)
    assert repeated.add("t", batch, FOREVER, write) == Added(12, 0)
    assert vector_count(repeated) == len(IDS) + 12


# ---- races


@pytest.mark.parametrize("other", CHANGES)
def test_of_two_requests_that_race_with_one_key_one_changes_nothing(
    store: HookedStore, filled: Service, other: str
) -> None:
    def meanwhile() -> None:
        store.before.clear()
        CHANGES[other](a_service(store.inner), ids_on_shard(1)[:1], WriteOptions(key=OTHERS[0]))

    store.before["put", "/0"] = meanwhile
    with pytest.raises(IdempotencyKeyReused):
        filled.add("t", [vector(f"new-{one}", 1, 1) for one in range(12)], FOREVER, WriteOptions(key=KEYS[0]))
    assert filled.get("t", [f"new-{one}" for one in range(12)], FOREVER).vectors == []


@pytest.mark.slow
def test_of_many_requests_that_race_with_one_key_exactly_one_is_applied_as_a_whole(store: HookedStore) -> None:
    a_filled_service(store)
    racers, rounds = 4, 5
    for turn in range(rounds):
        start = Barrier(racers)

        def race(racer: int, turn: int = turn, start: Barrier = start) -> bool:
            service = a_service(store.inner)
            batch = [vector(f"{turn}-{racer}-{one}", 1, one) for one in range(6)]
            key = IdempotencyKey(f"turn-{turn}", f"{racer:08x}")
            start.wait()
            for _ in range(100):
                try:
                    return service.add("t", batch, FOREVER, WriteOptions(key=key)).added == 6
                except IdempotencyKeyReused:
                    return False
                except (Contended, PartlyApplied):
                    continue  # as a client does
            raise AssertionError("never done")

        with ThreadPoolExecutor(racers) as pool:
            won = list(pool.map(race, range(racers)))
        assert won.count(True) == 1
        stored = {one for racer in range(racers) for one in stored_ids(store, turn, racer)}
        assert stored == {f"{turn}-{won.index(True)}-{one}" for one in range(6)}


def stored_ids(store: HookedStore, turn: int, racer: int) -> list[str]:
    found = a_service(store.inner).get("t", [f"{turn}-{racer}-{one}" for one in range(6)], FOREVER)
    return [one.id for one in found.vectors]


# ---- how long a key is remembered


def test_a_key_is_remembered_for_at_least_as_many_requests_as_in_a_single_index(
    filled: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "MAX_KEYS", 5)
    for number in range(12):
        write = WriteOptions(key=IdempotencyKey(f"k-{number}", "00000001"))
        filled.add("t", [vector(IDS[number % len(IDS)], 1, number)], FOREVER, write)
        for earlier in range(max(0, number - 4), number + 1):
            with pytest.raises(IdempotencyKeyReused):
                filled.add("t", ROWS, FOREVER, WriteOptions(key=IdempotencyKey(f"k-{earlier}", "00000002")))


@pytest.mark.parametrize("home", range(3))
def test_a_request_that_an_earlier_version_recorded_only_where_its_rows_are_can_be_repeated(
    store: HookedStore, filled: Service, home: int
) -> None:
    [name] = [name for name in object_names(store.inner) if name.endswith("/1")]
    write, ids = WriteOptions(key=KEYS[home]), ids_on_shard(1)
    recorded = filled.shard_requests.answer(AddRequest(name, [item(one, [5, 5]) for one in ids], write.key), FOREVER)
    assert recorded == ChangeResult(0, len(ids))
    filled.delete("t", Selection(ids), FOREVER)
    assert CHANGES["add"](filled, ids, write) == Added(0, len(ids))
    assert filled.get("t", ids, FOREVER).vectors == []
