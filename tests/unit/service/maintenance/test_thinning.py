"""Thinning of indexes in a store: what remains can be listed, read and restored, and what is gone is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import FOREVER, Clock, a_service, vector
from tests.support.version_history import NOON, Calendar, HistoryService
from vectord.errors import StoreUnavailable, VersionNotFound
from vectord.service.maintenance.thinning import Thinned, Thinning
from vectord.service.service import Service
from vectord.service.sharding.placement import shard_names
from vectord.service.snapshots.removed import record_name
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import IfMatch, ObjectVersion, StoredObject
from vectord.storage.files.store import FileStore
from vectord.storage.memory import MemoryStore

# A write each five minutes, from 12:00 to 14:30. At 14:35 the latest ten and those of 12:00 and 13:00 are kept.
WRITES, STEP, KEPT = 31, 5, [*range(150, 100, -5), 60, 0]
REMOVED = WRITES - len(KEPT)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def store(calendar: Calendar) -> MemoryStore:
    return MemoryStore(calendar, least_part=1)


@pytest.fixture
def service(store: MemoryStore) -> Service:
    return a_service(store)


def thinning(store: Any, calendar: Calendar, ids: str = "thinning", remover: Any = True) -> Thinning:
    return Thinning(
        store,
        store if remover else None,
        days=3,
        environment=Clock(ids=ids).environment(),
        retry_policy=RetryPolicy(),
        clock=calendar,
    )


def load(service: Service, calendar: Calendar, writes: int = WRITES, name: str = "t") -> None:
    """Create an index at noon, and add a vector each five minutes, whose id is the number of the write."""
    service.create(NewIndex(name, 2), FOREVER)
    for number in range(1, writes):
        calendar.passes(STEP)
        service.add(name, [vector(str(number), 1.0, number)], FOREVER)
    calendar.passes(STEP)


def versions(store: MemoryStore, name: str = "t") -> list[ObjectVersion]:
    return list(store.versions(name, 1_000_000).versions)


def count_as_of(service: Service, time: datetime, name: str = "t") -> int:
    return len(service.versions.open(name, time.isoformat(), FOREVER).state.index)


def test_the_latest_ten_and_those_of_full_hours_remain(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)
    etag, size = store.etag("t"), sum(one.bytes for one in versions(store))
    done = thinning(store, calendar).thin("t", FOREVER)
    kept = versions(store)
    assert (done.objects, done.versions, done.bytes) == (1, REMOVED, size - sum(one.bytes for one in kept))
    assert [(one.modified - NOON) // timedelta(minutes=1) for one in kept] == KEPT
    assert (store.etag("t"), service.describe("t", FOREVER).count) == (etag, WRITES - 1)


def test_a_kept_time_leads_to_its_state_and_another_names_the_nearest_versions(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)
    thinning(store, calendar).thin("t", FOREVER)
    kept = {(one.modified - NOON) // timedelta(minutes=1): one.id for one in versions(store)}
    for minute in (0, 4, 60, 64, 105, 119, 150, 1_000):
        assert count_as_of(service, NOON + timedelta(minutes=minute)) == min(minute // STEP, WRITES - 1)
    for minute, before, after in ((5, 0, 60), (59, 0, 60), (65, 60, 105), (104, 60, 105)):
        with pytest.raises(VersionNotFound, match=f"'{kept[before]}' and '{kept[after]}'"):
            count_as_of(service, NOON + timedelta(minutes=minute))


def test_ids_and_etags_of_removed_versions_are_not_found(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)
    before = versions(store)
    thinning(store, calendar).thin("t", FOREVER)
    kept = {one.id for one in versions(store)}
    gone = next(one for one in before if one.id not in kept)
    for as_of in (gone.id, str(gone.etag)):
        with pytest.raises(VersionNotFound):
            service.versions.open("t", as_of, FOREVER)
        with pytest.raises(VersionNotFound):
            HistoryService(store).history.restore("t", as_of, FOREVER)
        with pytest.raises(VersionNotFound):
            HistoryService(store).history.copy("t", "u", FOREVER, as_of)


def test_a_kept_version_is_restored_and_copied(store: MemoryStore, service: Service, calendar: Calendar) -> None:
    load(service, calendar)
    thinning(store, calendar).thin("t", FOREVER)
    as_of = (NOON + timedelta(hours=1)).isoformat()
    history = HistoryService(store).history
    assert history.copy("t", "u", FOREVER, as_of).count == 12
    assert history.restore("t", as_of, FOREVER).count == 12


def test_the_times_from_which_versions_were_removed_are_listed(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)
    thinning(store, calendar).thin("t", FOREVER)
    kept = versions(store)
    gaps = service.versions.gaps("t", FOREVER)
    assert gaps == {kept[9].id: NOON + timedelta(minutes=65), kept[10].id: NOON + timedelta(minutes=5)}
    assert service.versions.gaps("u", FOREVER) == {}


def test_days_later_gaps_have_grown_together(store: MemoryStore, service: Service, calendar: Calendar) -> None:
    load(service, calendar)
    thinning(store, calendar).thin("t", FOREVER)
    calendar.passes(2 * 1_440)
    for number in range(10):
        calendar.passes()
        service.add("t", [vector(f"later{number}", 1.0, 1.0)], FOREVER)
    thinning(store, calendar).thin("t", FOREVER)
    assert count_as_of(service, NOON + timedelta(hours=12)) == WRITES - 1  # midnight, and every hour since
    with pytest.raises(VersionNotFound):
        count_as_of(service, NOON + timedelta(hours=1))
    assert [one.isoformat() for one in service.versions.gaps("t", FOREVER).values()] == [NOON.isoformat()]


def test_another_thinning_at_the_same_time_leaves_the_record_to_the_first(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)

    class Raced(MemoryStore):
        """The store, in which another thinning is faster whenever a record is written."""

        def __init__(self) -> None:
            self.__dict__ = store.__dict__

        def put(self, name: str, *arguments: Any) -> str:
            thinning(store, calendar, ids="faster").thin("t", FOREVER)
            return store.put(name, *arguments)

    assert thinning(Raced(), calendar).thin("t", FOREVER) == Thinned()
    assert len(versions(store)) == len(KEPT)
    assert count_as_of(service, NOON + timedelta(hours=1)) == 12


@pytest.mark.parametrize("lost", ["record", "removal"])
def test_a_thinning_that_dies_is_completed_by_the_next(
    store: MemoryStore, service: Service, calendar: Calendar, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(service, calendar)

    def dies(*_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(MemoryStore, "remove_versions" if lost == "removal" else "put", dies)
        with pytest.raises(KeyboardInterrupt):
            thinning(store, calendar).thin("t", FOREVER)
    assert len(versions(store)) == WRITES
    thinning(store, calendar).thin("t", FOREVER)
    assert len(versions(store)) == len(KEPT)
    with pytest.raises(VersionNotFound):
        count_as_of(service, NOON + timedelta(minutes=59))


def test_a_record_that_was_changed_by_hand_is_written_again(
    store: MemoryStore, service: Service, calendar: Calendar
) -> None:
    load(service, calendar)
    thinning(store, calendar).thin("t", FOREVER)
    store.put(record_name("t"), b"not a record", IfMatch(store.etag(record_name("t"))), "by hand")
    assert service.versions.gaps("t", FOREVER) == {}
    load_more = [vector("more", 1.0, 1.0)]
    for _ in range(3):
        calendar.passes()
        service.add("t", load_more, FOREVER)
    thinning(store, calendar).thin("t", FOREVER)
    found = store.get(record_name("t"))
    assert isinstance(found, StoredObject)
    assert len(service.versions.gaps("t", FOREVER)) == 1


def test_removals_without_a_reply_are_repeated(
    store: MemoryStore, service: Service, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(service, calendar)
    real, outcomes = MemoryStore.remove_versions, iter([StoreUnavailable(), None])

    def lossy(self: MemoryStore, name: str, ids: Any) -> None:
        real(self, name, ids)
        if error := next(outcomes):
            raise error

    monkeypatch.setattr(MemoryStore, "remove_versions", lossy)
    assert thinning(store, calendar).thin("t", FOREVER).versions == REMOVED


class TestAll:
    @pytest.mark.slow
    def test_covers_indexes_shards_and_deleted_indexes(
        self, store: MemoryStore, service: Service, calendar: Calendar
    ) -> None:
        load(service, calendar)
        load(service, calendar, name="gone")
        service.delete_index("gone", FOREVER)
        service.create(NewIndex("s", 2, shards=2), FOREVER)
        for number in range(40):
            calendar.passes()
            service.add("s", [vector(str(number), 1.0, number)], FOREVER)
        done = thinning(store, calendar).thin_all(FOREVER)
        assert (done.objects, done.complete) == (4, True)
        shards = shard_names(service.describe("s", FOREVER).params)
        for name in ("t", "gone", *shards):
            assert len(versions(store, name)) <= 10 + 7
        assert service.describe("s", FOREVER).count == 40
        with pytest.raises(VersionNotFound):
            service.versions.open("gone", calendar.now.isoformat(), FOREVER)
        newest = versions(store, "gone")[1]
        assert versions(store, "gone")[0].deleted
        assert HistoryService(store).history.restore("gone", newest.id, FOREVER).count == WRITES - 1

    def test_ends_at_the_deadline(self, store: MemoryStore, service: Service, calendar: Calendar) -> None:
        load(service, calendar)
        assert thinning(store, calendar).thin_all(Deadline(0.0)) == Thinned(complete=False)

    def test_counts_what_it_removed(self, store: MemoryStore, service: Service, calendar: Calendar) -> None:
        load(service, calendar)
        sweep = thinning(store, calendar)
        done = sweep.thin_all(FOREVER)
        assert sweep.environment.meter.drain() == {"VersionsRemoved": REMOVED, "VersionBytesRemoved": done.bytes}


@pytest.mark.parametrize(
    "use", [lambda one: one.thin("t", FOREVER), lambda one: one.thin_all(FOREVER)], ids=["one", "all"]
)
def test_without_a_remover_nothing_is_thinned(
    store: MemoryStore, service: Service, calendar: Calendar, use: Callable[[Thinning], Thinned]
) -> None:
    load(service, calendar)
    assert use(thinning(store, calendar, remover=None)) == Thinned()
    assert len(versions(store)) == WRITES


def test_a_folder_has_no_record_of_removed_versions(tmp_path: Path) -> None:
    service = a_service(FileStore(tmp_path))
    service.create(NewIndex("t", 2), FOREVER)
    assert service.versions.gaps("t", FOREVER) == {}
    assert count_as_of(service, datetime.now(UTC)) == 0
