"""An index in format version 1, written by the Go service, is served and upgraded."""

import json

import numpy as np
import pytest

from tests.support import hnsw as h
from tests.support import services
from tests.support.scripted_store import Real, ScriptedStore
from tests.support.services import FOREVER, vector
from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.index.codec import decode
from vectord.service.snapshots.cache import HEAD_BYTES
from vectord.storage.base import IfAbsent, IfMatch, StoredObject
from vectord.storage.memory import MemoryStore

DRAWN = np.random.default_rng(3).normal(size=(900, 33)).astype(np.float32)


def store_of(rows: int = 900, metadata: str = "x", **params: object) -> ScriptedStore:
    """Return a store in which `t` is of version 1: by default an object of several requests."""
    vectors = {f"row-{row}": DRAWN[row].tolist() for row in range(rows)}
    blob = h.index_blob(
        vectors, {vector_id: {"text": metadata} for vector_id in vectors}, **{"dimension": 33, **params}
    )
    store = ScriptedStore()
    store.inner.put("t", blob, IfAbsent(), "")
    return store


def version_in(store: MemoryStore) -> int:
    found = store.get("t")
    assert isinstance(found, StoredObject)
    end = 8 + int.from_bytes(found.data[4:8])
    return int(json.loads(found.data[8:end])["version"])


@pytest.mark.parametrize("metadata", ["x", "x" * 500], ids=["head in the first read", "head longer than that"])
def test_it_is_read_whole_and_can_be_searched(metadata: str) -> None:
    store = store_of(metadata=metadata)
    service = services.a_service(store)
    assert service.describe("t", FOREVER).count == 900
    assert service.lookup("t", "row-899", FOREVER).vector.tobytes() == DRAWN[899].tobytes()
    assert store.inner.list("", 1, None).objects[0].size > HEAD_BYTES


def test_a_small_index_is_read_in_one_request() -> None:
    store = store_of(rows=2)
    services.a_service(store).describe("t", FOREVER)
    assert store.requests() == {"head": 1}


def test_it_stays_cached_until_it_changes() -> None:
    store = store_of()
    service = services.a_service(store)
    service.describe("t", FOREVER)
    before = store.requests()
    service.describe("t", FOREVER)
    assert store.requests() - before == {"head": 1}
    assert store.unconditional_reads() == {"t": 1}


def test_a_completely_cached_blob_is_opened_like_any_other() -> None:
    index = decode.open_blob(h.index_blob({"a": [1.0, 2.0, 3.0]}, {"a": {"n": 1}}, name="own", m=7))
    assert (list(index.rows.ids), index.params.name, index.params.m, index.size) == (["a"], "own", 7, index.body_start)
    assert index.rows.vectors.tolist() == [[1, 2, 3]]


def test_reading_does_not_change_it() -> None:
    store = store_of()
    services.a_service(store).lookup("t", "row-0", FOREVER)
    assert version_in(store.inner) == 1


def test_the_first_write_upgrades_it_and_keeps_its_vectors() -> None:
    store = store_of(m=7, ef_search=55, distance="euclidean")
    services.a_service(store).add("t", [vector("new", *[1.0] * 33)], FOREVER)
    assert version_in(store.inner) == 2
    service = services.a_service(store)
    described = service.describe("t", FOREVER)
    params = described.params
    assert (described.count, params.m, params.ef_search, params.distance) == (901, 7, 55, "euclidean")
    stored = service.lookup("t", "row-17", FOREVER)
    assert (stored.vector.tobytes(), stored.metadata and bytes(stored.metadata)) == (
        DRAWN[17].tobytes(),
        b'{"text":"x"}',
    )


def test_its_name_is_its_key() -> None:
    assert services.a_service(store_of(rows=2, name="other")).describe("t", FOREVER).params.name == "t"


def test_the_error_of_a_corrupt_index_names_it() -> None:
    store = store_of(rows=2, dimension=32)
    with pytest.raises(BlobCorrupt, match="Index 't' cannot be read: its vectors have 33"):
        services.a_service(store).describe("t", FOREVER)


def test_an_unknown_format_version_is_refused() -> None:
    store = ScriptedStore()
    store.inner.put("t", h.blob({"version": 3, "params": h.params()}, h.graph([])), IfAbsent(), "")
    with pytest.raises(BlobUnsupported, match="version 3"):
        services.a_service(store).describe("t", FOREVER)


def test_an_index_that_changes_during_the_read_is_read_again() -> None:
    store = store_of()
    before = store.inner.etag("t")

    def replaced(real: Real) -> object:
        newer = h.index_blob({"only": [1.0] * 33}, dimension=33)
        store.inner.put("t", newer, IfMatch(before), "")
        return real()

    store.on("read", replaced)
    assert services.a_service(store).describe("t", FOREVER).count == 1
