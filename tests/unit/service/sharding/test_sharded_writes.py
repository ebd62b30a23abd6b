"""A change of a sharded index reports sums over its shards; partial failures are reported and can be repeated."""

import msgspec
import numpy as np
import pytest

from tests.support.services import FOREVER, a_query, vector
from tests.support.shards import (
    IDS,
    ROWS,
    HookedStore,
    a_service,
    etags,
    ids_on_shard,
    object_names,
    vector_count,
)
from vectord.errors import (
    BatchInvalid,
    Contended,
    IndexNotFound,
    PartlyApplied,
    RequestInvalid,
    StoreUnavailable,
    WriteConflict,
)
from vectord.service.commit.operations import IndexReplaced
from vectord.service.service import Service
from vectord.service.values.options import NewIndex, WriteOptions
from vectord.service.values.selection import Patch, Selection


def test_counts_of_a_change_are_summed_over_shards(filled: Service) -> None:
    added = filled.add("t", [*ROWS[:4], vector("x", 1.0, 1.0), vector("y", 1.0, 2.0)], FOREVER)
    assert (added.added, added.replaced, added.count, added.etag) == (2, 4, None, None)
    deleted = filled.delete("t", Selection(["x", "y", "absent", "x"]), FOREVER)
    assert (deleted.deleted, deleted.count, deleted.etag) == (2, None, None)
    assert vector_count(filled) == len(ROWS)


def test_the_last_of_equal_ids_in_a_batch_wins(filled: Service) -> None:
    filled.add("t", [vector("x", 1.0, 1.0), vector("x", 5.0, 6.0)], FOREVER)
    assert filled.lookup("t", "x", FOREVER).vector.tolist() == [5.0, 6.0]


def test_an_invalid_item_changes_no_shard(store: HookedStore, filled: Service) -> None:
    before = etags(store.inner)
    with pytest.raises(BatchInvalid) as caught:
        filled.add("t", [*(vector(f"n{i}", 1.0, 1.0) for i in range(9)), vector("bad", 0.0, 0.0)], FOREVER)
    assert [item.position for item in caught.value.items] == [9]
    assert etags(store.inner) == before


def test_shards_without_items_get_no_request(store: HookedStore, filled: Service) -> None:
    before = etags(store.inner)
    filled.delete("t", Selection(list(ids_on_shard(2)[:1])), FOREVER)
    changed = {name for name, etag in etags(store.inner).items() if before[name] != etag}
    assert {name.rpartition("/")[2] for name in changed} == {"2"}


@pytest.mark.parametrize("write", ["add", "delete", "patch"])
def test_a_change_for_an_earlier_index_of_the_same_name_changes_no_shard(
    store: HookedStore, filled: Service, write: str
) -> None:
    before, options = etags(store.inner), WriteOptions(identity="an earlier generation")
    changes = {
        "add": lambda: filled.add("t", ROWS[:1], FOREVER, options),
        "delete": lambda: filled.delete("t", Selection(IDS[:1]), FOREVER, options),
        "patch": lambda: filled.patch("t", Selection(IDS[:1]), Patch(msgspec.Raw(b"{}")), FOREVER, options),
    }
    with pytest.raises(IndexReplaced):
        changes[write]()
    assert etags(store.inner) == before


def test_a_partly_committed_batch_reports_its_counts_and_can_be_repeated(store: HookedStore, filled: Service) -> None:
    moved = [vector(vector_id, 9.0, 9.0) for vector_id in IDS]
    store.fail("put", "/1", WriteConflict())
    with pytest.raises(PartlyApplied) as caught:
        filled.add("t", moved, FOREVER)
    lost = len(ids_on_shard(1))
    assert (caught.value.applied, caught.value.missed, caught.value.unknown) == (len(IDS) - lost, 0, lost)
    store.before.clear()
    assert filled.add("t", moved, FOREVER).replaced == len(IDS)
    assert {tuple(filled.lookup("t", vector_id, FOREVER).vector) for vector_id in IDS} == {(9.0, 9.0)}


def test_a_repeated_id_counts_once_in_a_partly_committed_batch(store: HookedStore, filled: Service) -> None:
    store.fail("put", "/1", WriteConflict())
    lost = len(ids_on_shard(1))
    with pytest.raises(PartlyApplied) as caught:
        filled.add("t", [vector(vector_id, 9.0, 9.0) for vector_id in [*IDS, *IDS]], FOREVER)
    assert (caught.value.applied, caught.value.unknown) == (len(IDS) - lost, lost)
    with pytest.raises(PartlyApplied) as caught:
        filled.delete("t", Selection([*IDS, *IDS]), FOREVER)
    assert (caught.value.applied, caught.value.unknown) == (len(IDS) - lost, lost)


def test_a_shard_request_without_a_reply_counts_as_unknown(store: HookedStore, filled: Service) -> None:
    store.fail("put", "/1", StoreUnavailable())
    with pytest.raises(PartlyApplied) as caught:
        filled.delete("t", Selection(list(IDS)), FOREVER)
    lost = len(ids_on_shard(1))
    assert (caught.value.applied, caught.value.missed, caught.value.unknown) == (len(IDS) - lost, 0, lost)


def test_a_batch_that_every_shard_refused_changed_nothing(store: HookedStore, filled: Service) -> None:
    store.always("put", lambda _: (_ for _ in ()).throw(WriteConflict()))
    with pytest.raises(Contended, match="'t'"):
        filled.add("t", ROWS, FOREVER)


def test_if_match_is_refused_for_a_sharded_index(filled: Service) -> None:
    etag = filled.describe("t", FOREVER).etag
    for change in (
        lambda: filled.add("t", ROWS, FOREVER, WriteOptions({etag})),
        lambda: filled.delete("t", Selection(list(IDS)), FOREVER, WriteOptions({etag})),
        lambda: filled.delete_index("t", FOREVER, WriteOptions({etag})),
    ):
        with pytest.raises(RequestInvalid, match="If-Match"):
            change()
    assert vector_count(filled) == len(ROWS)


def test_the_etag_of_the_index_changes_with_any_shard(filled: Service) -> None:
    before = filled.describe("t", FOREVER).etag
    assert filled.search("t", a_query(np.array([1.0, 0.0]), 1), FOREVER).etag == before
    filled.delete("t", Selection([IDS[0]]), FOREVER)
    assert filled.describe("t", FOREVER).etag != before


# ---- concurrent deletions


@pytest.mark.parametrize("recreated", [False, True])
def test_an_add_during_a_deletion_fails_or_reaches_the_recreated_index(
    store: HookedStore, filled: Service, recreated: bool
) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        if recreated:
            other.create(NewIndex("t", 2, shards=4), FOREVER)

    store.before["put", "/1"] = meanwhile
    if recreated:
        assert filled.add("t", ROWS, FOREVER).added == len(ROWS)
        assert vector_count(other) == len(ROWS)
    else:
        with pytest.raises(IndexNotFound, match="'t'"):
            filled.add("t", ROWS, FOREVER)
        assert object_names(store.inner) == []


def test_an_add_reaches_an_index_recreated_without_shards(store: HookedStore, filled: Service) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        other.create(NewIndex("t", 2), FOREVER)

    store.before["put", "/1"] = meanwhile
    assert filled.add("t", ROWS, FOREVER).count == len(ROWS)
