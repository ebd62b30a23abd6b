"""Patches of metadata, and deletions by filter, in an index of one object and in shards."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support import compactions, shards
from tests.support.compactions import DIMENSION
from tests.support.services import FOREVER, vector
from vectord.errors import IdempotencyKeyReused, PartlyApplied, StoreUnavailable, VectorsNotFound
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import IdempotencyKey, NewIndex, WriteOptions
from vectord.service.values.results import Patched
from vectord.service.values.selection import Patch, Selection
from vectord.storage.memory import MemoryStore

KEY = IdempotencyKey("k", "00000001")


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.fixture
def service() -> Service:
    """A service with the packed index `t`: `0` to `19` in its base and `late` in its tail, each with metadata."""
    service = compactions.a_writer(MemoryStore(least_part=1))
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", compactions.vectors(*map(str, range(20))), FOREVER)
    service.add("t", compactions.vectors("late"), FOREVER)
    return service


@pytest.fixture
def many() -> Service:
    """A service with index `t` in 5 shards, of `row-0` to `row-11`, each with its number."""
    service = shards.a_service(MemoryStore())
    service.create(NewIndex("t", 2, shards=5), FOREVER)
    rows = [NewVector(f"row-{i}", np.array([1.0, i]), raw({"n": i})) for i in range(12)]
    service.add("t", rows, FOREVER)
    return service


def metadata(service: Service, vector_id: str) -> Any:
    found = service.lookup("t", vector_id, FOREVER).metadata
    return None if found is None else json.loads(bytes(found))


@pytest.mark.parametrize("vector_id", ["3", "late"])
def test_a_patch_changes_metadata_and_leaves_the_vector_bit_for_bit(service: Service, vector_id: str) -> None:
    before = service.lookup("t", vector_id, FOREVER).vector.tobytes()
    done = service.patch("t", Selection([vector_id]), Patch(raw({"seed": None, "new": [1]})), FOREVER)
    assert (done.patched, done.count) == (1, 21)
    assert metadata(service, vector_id) == {"of": vector_id, "new": [1]}
    assert service.lookup("t", vector_id, FOREVER).vector.tobytes() == before
    assert metadata(service, "4") == {"of": "4", "seed": 0}


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_null_clears_metadata(service: Service, mode: Any) -> None:
    service.patch("t", Selection(["3", "late"]), Patch(raw(None), mode), FOREVER)
    assert [metadata(service, vector_id) for vector_id in ("3", "late", "4")] == [None, None, {"of": "4", "seed": 0}]


def test_a_replacement_replaces_all_metadata(service: Service) -> None:
    service.patch("t", Selection(["3"]), Patch(raw({"new": None}), "replace"), FOREVER)
    assert metadata(service, "3") == {"new": None}


def test_an_unknown_id_refuses_the_patch_and_is_named(service: Service) -> None:
    etag = service.describe("t", FOREVER).etag
    with pytest.raises(VectorsNotFound, match="'absent', 'gone'") as caught:
        service.patch("t", Selection(["3", "absent", "late", "gone", "absent"]), Patch(raw({"a": 1})), FOREVER)
    assert caught.value.ids == ("absent", "gone")
    assert service.describe("t", FOREVER).etag == etag


def test_a_filter_selects_what_is_patched(service: Service) -> None:
    service.add("t", compactions.vectors("5", "6", seed=9), FOREVER)
    done = service.patch("t", Selection(filter='{"seed": 9}'), Patch(raw({"marked": True})), FOREVER)
    assert done.patched == 2
    assert service.count("t", '{"marked": true}', FOREVER).count == 2
    assert service.patch("t", Selection(filter='{"seed": 77}'), Patch(raw({})), FOREVER).patched == 0


def test_a_patch_that_changes_nothing_writes_nothing(service: Service) -> None:
    etag = service.describe("t", FOREVER).etag
    done = service.patch("t", Selection(["3", "late"]), Patch(raw({"seed": 0})), FOREVER)
    assert done == Patched(2, 21, etag)


def test_a_repeat_with_an_idempotency_key_does_not_undo_later_changes(service: Service) -> None:
    patch = Patch(raw({"seed": 1}))
    service.patch("t", Selection(["3"]), patch, FOREVER, WriteOptions(key=KEY))
    service.patch("t", Selection(["3"]), Patch(raw({"seed": 2})), FOREVER)
    assert service.patch("t", Selection(["3"]), patch, FOREVER, WriteOptions(key=KEY)).patched == 1
    assert metadata(service, "3")["seed"] == 2


def test_a_deletion_by_filter_removes_what_satisfies_it(service: Service) -> None:
    service.add("t", compactions.vectors("5", "new", seed=9), FOREVER)
    would = service.would_delete("t", Selection(filter='{"seed": 9}'), FOREVER)
    assert (would.deleted, would.count) == (2, 20)
    done = service.delete("t", Selection(filter='{"seed": 9}'), FOREVER)
    assert (done.deleted, done.count) == (2, 20)
    assert service.count("t", '{"seed": 9}', FOREVER).count == 0


# ---- shards


def test_shards_patch_and_delete_like_one_object(many: Service) -> None:
    assert many.patch("t", Selection(["row-1", "row-2"]), Patch(raw({"m": 1})), FOREVER) == Patched(2)
    assert metadata(many, "row-1") == {"n": 1, "m": 1}
    low = '{"n": {"$lt": 6}}'
    assert many.patch("t", Selection(filter=low), Patch(raw({"low": True})), FOREVER) == Patched(6)
    assert many.would_delete("t", Selection(filter=low), FOREVER).deleted == 6
    assert many.would_delete("t", Selection(["row-1", "absent"]), FOREVER).deleted == 1
    assert many.delete("t", Selection(filter=low), FOREVER).deleted == 6
    assert many.describe("t", FOREVER).count == 6


def test_an_unknown_id_refuses_the_patch_of_every_shard(many: Service) -> None:
    etag = many.describe("t", FOREVER).etag
    with pytest.raises(VectorsNotFound, match="'t' does not contain 'absent'"):
        many.patch("t", Selection([*(f"row-{i}" for i in range(12)), "absent"]), Patch(raw({"m": 1})), FOREVER)
    assert many.describe("t", FOREVER).etag == etag


def test_an_idempotency_key_covers_the_patch_of_every_shard(many: Service) -> None:
    which, patch = Selection([f"row-{i}" for i in range(12)]), Patch(raw({"m": 1}))
    many.patch("t", which, patch, FOREVER, WriteOptions(key=KEY))
    many.delete("t", Selection(["row-3"]), FOREVER)
    etag = many.describe("t", FOREVER).etag
    assert many.patch("t", which, patch, FOREVER, WriteOptions(key=KEY)) == Patched(12)
    assert many.describe("t", FOREVER).etag == etag
    with pytest.raises(IdempotencyKeyReused):
        many.patch("t", Selection(["row-1"]), patch, FOREVER, WriteOptions(key=IdempotencyKey("k", "00000002")))


def test_failed_shards_are_counted_and_the_others_are_patched() -> None:
    store = shards.HookedStore()
    service = shards.a_service(store)
    service.create(NewIndex("t", 2, shards=3), FOREVER)
    service.add("t", [vector(f"row-{i}", 1, i) for i in range(12)], FOREVER)
    store.fail("put", "/1", StoreUnavailable())
    with pytest.raises(PartlyApplied) as caught:
        service.patch("t", Selection([f"row-{i}" for i in range(12)]), Patch(raw({"m": 1})), FOREVER)
    assert caught.value.applied + caught.value.unknown == 12
    assert 0 < caught.value.unknown < 12
