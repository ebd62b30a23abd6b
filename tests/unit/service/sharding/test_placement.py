"""The hash of an id selects its shard; callers see one index and cannot address a shard."""

from collections import Counter

import numpy as np
import pytest

from tests.support.services import FOREVER, a_query
from tests.support.shards import (
    IDS,
    ROWS,
    HookedStore,
    ids_on_shard,
    object_names,
    search_ids,
    vector_count,
)
from vectord.errors import BlobCorrupt, BlobUnsupported, IndexNotFound, RequestInvalid
from vectord.service.service import Service
from vectord.service.sharding.placement import shard_of
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent, IfMatch, StoredObject


@pytest.mark.parametrize(("vector_id", "shard"), [("", 76), ("a", 43), ("row-1", 15), ("漢 字", 56)])
def test_the_shard_of_an_id_never_changes(vector_id: str, shard: int) -> None:
    assert shard_of(vector_id, 100) == shard


@pytest.mark.parametrize("shards", [7, 64])
@pytest.mark.parametrize("form", ["{}", "row-{:08}", "{:b}", "https://example.com/{}.html"])
def test_ids_of_any_form_are_spread_evenly(form: str, shards: int) -> None:
    rows = Counter(shard_of(form.format(i), shards) for i in range(200 * shards))
    assert len(rows) == shards
    assert 130 <= min(rows.values()) <= max(rows.values()) <= 270  # 5 standard deviations


def test_each_vector_is_in_the_shard_of_its_hash(store: HookedStore, filled: Service) -> None:
    counts = [shard.count for shard in filled.describe("t", FOREVER).shards]
    assert counts == [len(ids_on_shard(number)) for number in range(3)]
    assert min(counts) > 0


def test_a_listing_returns_the_index_and_no_shard(filled: Service) -> None:
    for prefix in ("", "t", "t/"):
        shown = [listed.name for listed in filled.list_indexes(prefix, 100, None, FOREVER).objects]
        assert shown == ["t"] * (prefix != "t/")


# ---- missing objects


@pytest.mark.parametrize("use", ["search", "lookup", "add"])
def test_a_missing_shard_of_an_existing_index_is_corruption(store: HookedStore, filled: Service, use: str) -> None:
    [name] = [name for name in object_names(store.inner) if name.endswith("/1")]
    store.inner.delete(name, IfMatch(store.inner.etag(name)))
    uses = {
        "search": lambda: search_ids(filled, 1.0, 0.0),
        "lookup": lambda: filled.lookup("t", ids_on_shard(1)[0], FOREVER),
        "add": lambda: filled.add("t", ROWS, FOREVER),
    }
    with pytest.raises(BlobCorrupt, match=f"{name}.*missing"):
        uses[use]()


# ---- names of shards


def test_a_shard_name_is_not_a_valid_index_name(store: HookedStore, filled: Service) -> None:
    [name] = [name for name in object_names(store.inner) if name.endswith("/1")]
    for use in (
        lambda: filled.describe(name, FOREVER),
        lambda: filled.lookup(name, "a", FOREVER),
        lambda: filled.search(name, a_query(np.array([1.0, 0.0]), 1), FOREVER),
        lambda: filled.add(name, ROWS, FOREVER),
        lambda: filled.delete(name, Selection(list(IDS)), FOREVER),
        lambda: filled.delete_index(name, FOREVER),
    ):
        with pytest.raises(IndexNotFound):
            use()
    with pytest.raises(RequestInvalid):
        filled.create(NewIndex(name, 2), FOREVER)
    assert vector_count(filled) == len(ROWS)


def test_a_copy_of_the_root_object_alone_is_corrupt_and_its_deletion_is_harmless(
    store: HookedStore, filled: Service
) -> None:
    answer = store.inner.get("t")
    assert isinstance(answer, StoredObject)
    store.inner.put("copy", answer.data, IfAbsent(), "")
    with pytest.raises(BlobUnsupported, match="'t'"):
        filled.search("copy", a_query(np.array([1.0, 0.0]), 1), FOREVER)
    filled.delete_index("copy", FOREVER)
    assert vector_count(filled) == len(ROWS)
