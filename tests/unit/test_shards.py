"""An index in shards answers as an index of one blob; where it cannot, it says so."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shards import ByName, a_service, etags, names
from tests.support.worlds import FOREVER, vector
from vectord.errors import (
    BatchInvalid,
    BlobCorrupt,
    BlobUnsupported,
    Contended,
    IndexExists,
    IndexNotFound,
    OutcomeUnknown,
    PartlyApplied,
    RequestInvalid,
    StorageSilent,
    StoreRefused,
    StoreUnavailable,
    VectorNotFound,
    WriteConflict,
)
from vectord.service import Service
from vectord.service.placing import shard_of
from vectord.stores import Fetched, IfAbsent, IfMatch

IDS = [f"row-{i}" for i in range(12)]
ROWS = [vector(vector_id, 1.0, place) for place, vector_id in enumerate(IDS)]


@pytest.fixture
def store() -> ByName:
    return ByName()


@pytest.fixture
def service(store: ByName) -> Service:
    return a_service(store)


@pytest.fixture
def filled(store: ByName, service: Service) -> Service:
    """A service with index `t` in 3 shards, each of which holds some of ROWS."""
    service.create("t", 2, shards=3, until=FOREVER)
    service.add("t", ROWS, FOREVER)
    return service


def found(service: Service, *query: float, k: int = 10, **more: Any) -> list[str]:
    searched = service.search("t", np.array(query, np.float64), k, FOREVER, **more)
    return [match.id for match in searched.answer.matches]


def count(service: Service) -> int:
    return service.describe("t", FOREVER).count


def on_shard(number: int, shards: int = 3) -> list[str]:
    return [vector_id for vector_id in IDS if shard_of(vector_id, shards) == number]


# ---- where rows are


@pytest.mark.parametrize(("vector_id", "shard"), [("", 76), ("a", 43), ("row-1", 15), ("漢 字", 56)])
def test_the_shard_of_an_id_is_the_same_forever(vector_id: str, shard: int) -> None:
    assert shard_of(vector_id, 100) == shard


@pytest.mark.parametrize("shards", [7, 64])
@pytest.mark.parametrize("form", ["{}", "row-{:08}", "{:b}", "https://example.com/{}.html"])
def test_ids_of_any_form_spread_evenly(form: str, shards: int) -> None:
    rows = Counter(shard_of(form.format(i), shards) for i in range(200 * shards))
    assert len(rows) == shards
    assert 130 <= min(rows.values()) <= max(rows.values()) <= 270  # 5 standard deviations


def test_each_row_lies_in_the_shard_of_its_hash(store: ByName, filled: Service) -> None:
    counts = [shard.count for shard in filled.describe("t", FOREVER).shards]
    assert counts == [len(on_shard(number)) for number in range(3)]
    assert min(counts) > 0


# ---- creation


def test_one_shard_is_an_index_of_one_blob(store: ByName, service: Service) -> None:
    service.create("t", 2, shards=1, until=FOREVER)
    answer = store.inner.get("t")
    assert isinstance(answer, Fetched)
    assert b"shards" not in answer.data
    assert names(store.inner) == ["t"]


def test_the_shards_are_there_before_the_index_is(store: ByName, service: Service) -> None:
    service.create("t", 2, shards=3, until=FOREVER)
    written = [name for method, name, *_ in store.calls if method == "put"]
    assert written[-1] == "t"
    assert sorted(name.rpartition("/")[2] for name in written[:-1]) == ["0", "1", "2"]


def test_a_listing_shows_the_index_and_no_shard(filled: Service) -> None:
    for prefix in ("", "t", "t/"):
        shown = [listed.name for listed in filled.list(prefix, 100, None, FOREVER).objects]
        assert shown == ["t"] * (prefix != "t/")


@pytest.mark.parametrize("shards", [-1, 0, 1_001])
def test_so_many_shards_are_refused(service: Service, shards: int) -> None:
    with pytest.raises(RequestInvalid):
        service.create("t", 2, shards=shards, until=FOREVER)


@pytest.mark.parametrize("shards", [1, 2])
def test_an_index_that_exists_is_a_conflict_and_costs_no_shard(store: ByName, filled: Service, shards: int) -> None:
    before = etags(store.inner)
    store.calls.clear()
    with pytest.raises(IndexExists):
        filled.create("t", 2, shards=shards, until=FOREVER)
    assert not [name for method, name, *_ in store.calls if method == "put" and name != "t"]
    assert etags(store.inner) == before


def test_of_two_creators_at_once_the_slower_takes_its_shards_away(store: ByName, service: Service) -> None:
    other = a_service(store.inner)

    def first() -> None:
        del store.before["put", "t"]
        other.create("t", 2, shards=2, until=FOREVER)

    store.before["put", "t"] = first
    with pytest.raises(IndexExists):
        service.create("t", 2, shards=5, until=FOREVER)
    assert len(names(store.inner)) == 1 + 2
    assert other.add("t", ROWS, FOREVER).added == len(ROWS)


def test_a_creation_that_is_refused_leaves_nothing(store: ByName, service: Service) -> None:
    store.fails("put", "/2", StoreRefused("AccessDenied"))
    with pytest.raises(StoreRefused):
        service.create("t", 2, shards=3, until=FOREVER)
    assert names(store.inner) == []


def test_a_creation_that_storage_does_not_answer_leaves_nothing(store: ByName, service: Service) -> None:
    store.fails("put", "/2", StoreUnavailable())
    with pytest.raises(StorageSilent):
        service.create("t", 2, shards=3, until=FOREVER)
    assert names(store.inner) == []


def test_a_creation_that_may_have_happened_keeps_its_shards(store: ByName, service: Service) -> None:
    store.fails("put", "t", StoreUnavailable())
    with pytest.raises(OutcomeUnknown):
        service.create("t", 2, shards=3, until=FOREVER)
    assert len(names(store.inner)) == 3


# ---- search


coordinates = st.integers(-3, 3).map(float)
points = st.lists(st.tuples(coordinates, coordinates).filter(any), max_size=40)


@given(
    rows=points,
    query=st.tuples(coordinates, coordinates).filter(any),
    k=st.integers(1, 45),
    shards=st.integers(2, 9),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=40)
def test_an_exact_search_finds_what_it_would_in_one_blob(
    rows: list[tuple[float, float]], query: tuple[float, float], k: int, shards: int, distance: str
) -> None:
    service = a_service(ByName())
    answers = []
    for name, number in (("one", 1), ("many", shards)):
        service.create(name, 2, distance=distance, shards=number, until=FOREVER)
        if rows:
            service.add(name, [vector(f"v{i}", *row) for i, row in enumerate(rows)], FOREVER)
        answers.append(service.search(name, np.array(query), k, FOREVER, recall=1.0).answer)
    one, many = answers
    assert [(m.id, m.distance, m.vector.tolist()) for m in many.matches] == [
        (m.id, m.distance, m.vector.tolist()) for m in one.matches
    ]
    assert (many.count, many.strategy) == (one.count, one.strategy)


def test_a_search_sees_what_was_acknowledged_before_it(filled: Service) -> None:
    filled.add("t", [vector("new", 0.0, 1.0)], FOREVER)
    assert found(filled, 0.0, 1.0, k=1) == ["new"]
    filled.delete_vectors("t", ["new"], FOREVER)
    assert "new" not in found(filled, 0.0, 1.0, k=20)


def test_a_warm_search_asks_once_for_the_index_and_once_for_each_shard(store: ByName, filled: Service) -> None:
    filled.search("t", np.array([1.0, 0.0]), 1, FOREVER)
    store.calls.clear()
    searched = filled.search("t", np.array([1.0, 0.0]), 1, FOREVER)
    assert Counter(method for method, *_ in store.calls) == {"head": 4}
    assert (searched.requests, searched.read_bytes) == (3, 0)


def test_what_shards_metered_in_threads_is_on_the_request_s_meter(filled: Service) -> None:
    filled.world.meter.drain()
    filled.search("t", np.array([1.0, 0.0]), 1, FOREVER)
    assert filled.world.meter.drain()["CacheHits"] == 4


def test_a_shard_that_does_not_answer_fails_the_search(store: ByName, filled: Service) -> None:
    store.fails("head", "/1", StoreUnavailable())
    with pytest.raises(StorageSilent):
        found(filled, 1.0, 0.0)


def test_a_corrupt_shard_is_named(store: ByName, filled: Service) -> None:
    [name] = [name for name in names(store.inner) if name.endswith("/1")]
    store.inner.put(name, b"LHV2 and more", IfMatch(store.inner.etag(name)), "")
    with pytest.raises(BlobCorrupt, match=name):
        found(filled, 1.0, 0.0)


@pytest.mark.parametrize("query", [(1.0,), (0.0, 0.0)])
def test_a_query_that_does_not_fit_is_refused_before_a_shard_is_asked(
    store: ByName, filled: Service, query: tuple[float, ...]
) -> None:
    store.calls.clear()
    with pytest.raises(RequestInvalid):
        found(filled, *query)
    assert [name for _, name, *_ in store.calls] == ["t"]


# ---- changes


def test_changes_sum_over_shards(filled: Service) -> None:
    added = filled.add("t", [*ROWS[:4], vector("x", 1.0, 1.0), vector("y", 1.0, 2.0)], FOREVER)
    assert (added.added, added.replaced, added.count, added.etag) == (2, 4, None, None)
    deleted = filled.delete_vectors("t", ["x", "y", "absent", "x"], FOREVER)
    assert (deleted.deleted, deleted.count, deleted.etag) == (2, None, None)
    assert count(filled) == len(ROWS)


def test_of_equal_ids_in_a_batch_the_last_wins(filled: Service) -> None:
    filled.add("t", [vector("x", 1.0, 1.0), vector("x", 5.0, 6.0)], FOREVER)
    assert filled.lookup("t", "x", FOREVER).vector.tolist() == [5.0, 6.0]


def test_a_bad_item_keeps_every_shard_as_it_was(store: ByName, filled: Service) -> None:
    before = etags(store.inner)
    with pytest.raises(BatchInvalid) as caught:
        filled.add("t", [*(vector(f"n{i}", 1.0, 1.0) for i in range(9)), vector("bad", 0.0, 0.0)], FOREVER)
    assert [item.position for item in caught.value.items] == [9]
    assert etags(store.inner) == before


def test_shards_without_a_part_are_not_touched(store: ByName, filled: Service) -> None:
    before = etags(store.inner)
    filled.delete_vectors("t", on_shard(2)[:1], FOREVER)
    changed = {name for name, etag in etags(store.inner).items() if before[name] != etag}
    assert {name.rpartition("/")[2] for name in changed} == {"2"}


def test_a_batch_that_some_shards_did_not_take_tells_how_much_and_can_be_repeated(
    store: ByName, filled: Service
) -> None:
    moved = [vector(vector_id, 9.0, 9.0) for vector_id in IDS]
    store.fails("put", "/1", WriteConflict())
    with pytest.raises(PartlyApplied) as caught:
        filled.add("t", moved, FOREVER)
    lost = len(on_shard(1))
    assert (caught.value.applied, caught.value.missed, caught.value.unknown) == (len(IDS) - lost, lost, 0)
    store.before.clear()
    assert filled.add("t", moved, FOREVER).replaced == len(IDS)
    assert {tuple(filled.lookup("t", vector_id, FOREVER).vector) for vector_id in IDS} == {(9.0, 9.0)}


def test_a_part_without_an_answer_counts_as_unknown(store: ByName, filled: Service) -> None:
    store.fails("put", "/1", StoreUnavailable())
    with pytest.raises(PartlyApplied) as caught:
        filled.delete_vectors("t", IDS, FOREVER)
    lost = len(on_shard(1))
    assert (caught.value.applied, caught.value.missed, caught.value.unknown) == (len(IDS) - lost, 0, lost)


def test_a_batch_that_no_shard_took_changed_nothing(store: ByName, filled: Service) -> None:
    store.always("put", lambda _: (_ for _ in ()).throw(WriteConflict()))
    with pytest.raises(Contended, match="'t'"):
        filled.add("t", ROWS, FOREVER)


def test_if_match_is_refused_since_there_is_no_version_of_the_whole(filled: Service) -> None:
    etag = filled.describe("t", FOREVER).etag
    for change in (
        lambda: filled.add("t", ROWS, FOREVER, {etag}),
        lambda: filled.delete_vectors("t", IDS, FOREVER, {etag}),
        lambda: filled.delete_index("t", FOREVER, {etag}),
    ):
        with pytest.raises(RequestInvalid, match="If-Match"):
            change()
    assert count(filled) == len(ROWS)


def test_the_etag_of_the_whole_changes_with_any_shard(filled: Service) -> None:
    before = filled.describe("t", FOREVER).etag
    assert filled.search("t", np.array([1.0, 0.0]), 1, FOREVER).etag == before
    filled.delete_vectors("t", [IDS[0]], FOREVER)
    assert filled.describe("t", FOREVER).etag != before


# ---- lookup


def test_a_lookup_asks_one_shard(store: ByName, filled: Service) -> None:
    store.calls.clear()
    assert filled.lookup("t", IDS[3], FOREVER).vector.tolist() == [1.0, 3.0]
    assert len([call for call in store.calls if call[0] == "head"]) == 2


def test_an_absent_vector_is_missed_in_the_index(filled: Service) -> None:
    with pytest.raises(VectorNotFound, match="Index 't'"):
        filled.lookup("t", "absent", FOREVER)


# ---- deletion


def test_deleting_removes_the_index_and_then_its_shards(store: ByName, filled: Service) -> None:
    store.calls.clear()
    filled.delete_index("t", FOREVER)
    deleted = [name for method, name, *_ in store.calls if method == "delete"]
    assert (deleted[0], len(deleted)) == ("t", 4)
    assert names(store.inner) == []


def test_a_new_index_of_the_name_starts_empty(filled: Service) -> None:
    filled.delete_index("t", FOREVER)
    filled.create("t", 2, shards=2, until=FOREVER)
    assert (count(filled), found(filled, 1.0, 0.0)) == (0, [])


def test_an_index_created_anew_during_a_deletion_is_deleted_with_its_shards(store: ByName, filled: Service) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        other.create("t", 2, shards=4, until=FOREVER)

    store.before["delete", "t"] = meanwhile
    filled.delete_index("t", FOREVER)
    assert names(store.inner) == []


def test_shards_that_storage_keeps_are_metered_and_belong_to_no_index(store: ByName, filled: Service) -> None:
    store.fails("delete", "/1", StoreUnavailable())
    filled.world.meter.drain()
    filled.delete_index("t", FOREVER)
    assert filled.world.meter.drain()["ShardsLeft"] == 1
    filled.create("t", 2, shards=3, until=FOREVER)
    assert count(filled) == 0


@pytest.mark.parametrize("anew", [False, True])
def test_an_index_deleted_during_an_add_is_gone_and_one_created_anew_takes_the_batch(
    store: ByName, filled: Service, anew: bool
) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        if anew:
            other.create("t", 2, shards=4, until=FOREVER)

    store.before["put", "/1"] = meanwhile
    if anew:
        assert filled.add("t", ROWS, FOREVER).added == len(ROWS)
        assert count(other) == len(ROWS)
    else:
        with pytest.raises(IndexNotFound, match="'t'"):
            filled.add("t", ROWS, FOREVER)
        assert names(store.inner) == []


def test_an_index_that_became_one_of_one_blob_takes_the_batch(store: ByName, filled: Service) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        other.create("t", 2, until=FOREVER)

    store.before["put", "/1"] = meanwhile
    assert filled.add("t", ROWS, FOREVER).count == len(ROWS)


@pytest.mark.parametrize("use", ["search", "lookup", "add"])
def test_a_shard_that_is_missing_while_the_index_is_there_is_corruption(
    store: ByName, filled: Service, use: str
) -> None:
    [name] = [name for name in names(store.inner) if name.endswith("/1")]
    store.inner.delete(name, IfMatch(store.inner.etag(name)))
    uses = {
        "search": lambda: found(filled, 1.0, 0.0),
        "lookup": lambda: filled.lookup("t", on_shard(1)[0], FOREVER),
        "add": lambda: filled.add("t", ROWS, FOREVER),
    }
    with pytest.raises(BlobCorrupt, match=f"{name}.*missing"):
        uses[use]()


# ---- what callers cannot do


def test_a_caller_cannot_name_a_shard(store: ByName, filled: Service) -> None:
    [name] = [name for name in names(store.inner) if name.endswith("/1")]
    for use in (
        lambda: filled.describe(name, FOREVER),
        lambda: filled.lookup(name, "a", FOREVER),
        lambda: filled.search(name, np.array([1.0, 0.0]), 1, FOREVER),
        lambda: filled.add(name, ROWS, FOREVER),
        lambda: filled.delete_vectors(name, IDS, FOREVER),
        lambda: filled.delete_index(name, FOREVER),
    ):
        with pytest.raises(IndexNotFound):
            use()
    with pytest.raises(RequestInvalid):
        filled.create(name, 2, until=FOREVER)
    assert count(filled) == len(ROWS)


def test_a_copy_of_the_parent_alone_is_no_index_and_its_deletion_does_no_harm(store: ByName, filled: Service) -> None:
    answer = store.inner.get("t")
    assert isinstance(answer, Fetched)
    store.inner.put("copy", answer.data, IfAbsent(), "")
    with pytest.raises(BlobUnsupported, match="'t'"):
        filled.search("copy", np.array([1.0, 0.0]), 1, FOREVER)
    filled.delete_index("copy", FOREVER)
    assert count(filled) == len(ROWS)
