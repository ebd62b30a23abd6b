"""The Haystack store and retriever beyond the outside suites: what users do with them."""

import asyncio
import pickle
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from haystack.errors import FilterError
from haystack.utils import Secret

from vectord_client import Client
from vectord_client.errors import UsageError
from vectord_client.integrations.access import DimensionMismatch
from vectord_client.integrations.haystack import VectordDocumentStore, VectordEmbeddingRetriever

FILMS = [
    Document(id="alien", content="Alien", meta={"year": 1979, "genre": ["horror", "scifi"]}, embedding=[1.0, 0.0]),
    Document(id="heat", content="Heat", meta={"year": 1995}, embedding=[0.6, 0.8]),
    Document(id="stalker", content="Stalker", meta={"year": 1979}, embedding=[-1.0, 0.0]),
    Document(id="solaris", content="Solaris", meta={"year": 1972}),  # without an embedding
]
OLD = {"field": "meta.year", "operator": "<", "value": 1990}


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
    store = VectordDocumentStore(name, target=target)
    yield store
    await store.close_async()
    store.close()


def test_documents_without_an_embedding_are_stored_and_never_retrieved(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    found = store.embedding_retrieval([1.0, 0.0], top_k=10)
    assert [document.id for document in found] == ["alien", "heat", "stalker"]
    assert store.embedding_retrieval([1.0, 0.0], filters={"field": "meta.year", "operator": "==", "value": 1972}) == []
    (solaris,) = store.filter_documents({"field": "embedding", "operator": "==", "value": None})
    assert solaris == FILMS[3]
    store.write_documents([Document(id="solaris", content="Solaris", embedding=[1.0, 0.1])], DuplicatePolicy.OVERWRITE)
    assert store.embedding_retrieval([1.0, 0.1], top_k=1)[0].id == "solaris"


def test_scores_are_similarities(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    scores = [document.score for document in store.embedding_retrieval([1.0, 0.0])]
    assert scores == pytest.approx([1.0, 0.6, -1.0])
    scaled = [document.score for document in store.embedding_retrieval([1.0, 0.0], scale_score=True)]
    assert scaled == pytest.approx([1.0, 0.8, 0.0])


def test_scores_of_a_euclidean_index_fall_with_the_distance(target: str, name: str) -> None:
    store = VectordDocumentStore(name, target=target, distance="euclidean")
    store.write_documents(FILMS[:3])
    for scale in (False, True):
        found = store.embedding_retrieval([0.0, 0.0], top_k=1, scale_score=scale)
        assert [document.score for document in found] == pytest.approx([0.5])
    store.close()


def test_embeddings_are_returned_on_request(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    assert store.embedding_retrieval([1.0, 0.0], top_k=1)[0].embedding is None
    assert store.embedding_retrieval([1.0, 0.0], top_k=1, return_embedding=True)[0].embedding == [1.0, 0.0]


def test_a_document_comes_back_as_it_was(store: VectordDocumentStore) -> None:
    document = Document(
        id="x/é ?",
        content="",
        meta={
            "none": None,
            "day": date(1979, 5, 25),
            "by": {"name": "Scott"},
            "a.b": 1,
            "$c": [1, "x"],
            "id": 5,
            "": 0,
        },
        blob=ByteStream(b"\x00\xff", meta={"source": "film"}, mime_type="video/mp4"),
        embedding=[0.5, 0.25],
        sparse_embedding=SparseEmbedding(indices=[3, 7], values=[0.5, 1.5]),
    )
    store.write_documents([document])
    (found,) = store.filter_documents()
    document.meta["day"] = "1979-05-25"
    assert found == document
    for field, value in (("meta.by.name", "Scott"), ("meta.a.b", 1), ("meta.$c", "x"), ("meta.id", 5), ("id", "x/é ?")):
        assert store.count_documents_by_filter({"field": field, "operator": "==", "value": value}) == 1


def test_dates_are_compared_as_points_in_time(store: VectordDocumentStore) -> None:
    moments = ["1979-05-25", "1979-05-25T12:00:00+14:00", "1979-05-25T00:00:00.250Z"]
    store.write_documents([Document(content=moment, meta={"at": moment}) for moment in moments])
    after = {"field": "meta.at", "operator": ">", "value": "1979-05-25T00:00:00"}
    assert [document.content for document in store.filter_documents(after)] == ["1979-05-25T00:00:00.250Z"]
    store.update_by_filter(after, {"at": "1970-01-01"})
    assert store.count_documents_by_filter(after) == 0
    store.update_by_filter({"field": "meta.at", "operator": "==", "value": "1970-01-01"}, {"at": "unknown"})
    before = {"field": "meta.at", "operator": "<", "value": "1975-01-01"}
    assert store.count_documents_by_filter(before) == 0


@pytest.mark.parametrize("value", [{"b": 2}, None, [{"b": "1979-05-25"}], {}])
def test_an_update_replaces_values_of_every_type(store: VectordDocumentStore, value: Any) -> None:
    store.write_documents([Document(id=str(n), content="x", meta={"n": n, "a": {"c": 1}}) for n in range(3)])
    assert store.update_by_filter({"field": "meta.n", "operator": ">", "value": 0}, {"a": value}) == 2
    found = {document.id: document.meta for document in store.filter_documents()}
    assert found == {"0": {"n": 0, "a": {"c": 1}}, "1": {"n": 1, "a": value}, "2": {"n": 2, "a": value}}


def test_an_update_keeps_embeddings(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    assert store.update_by_filter(OLD, {"by": {"name": "?"}}) == 3
    before, after = ({each.id: each.embedding for each in found} for found in (FILMS, store.filter_documents()))
    assert after["alien"] == before["alien"]
    assert after["solaris"] is None


def test_policies_say_what_happens_to_existing_documents(store: VectordDocumentStore) -> None:
    first, second = Document(id="1", content="first"), Document(id="1", content="second")
    other = Document(id="2", content="other")
    assert store.write_documents([first]) == 1
    for policy in (DuplicatePolicy.FAIL, DuplicatePolicy.NONE):
        with pytest.raises(DuplicateDocumentError, match="1"):
            store.write_documents([other, second], policy)
    assert store.count_documents() == 1  # all of them or nothing
    assert store.write_documents([second, other], DuplicatePolicy.SKIP) == 1
    assert {document.content for document in store.filter_documents()} == {"first", "other"}
    assert store.write_documents([second, other], DuplicatePolicy.OVERWRITE) == 2
    assert {document.content for document in store.filter_documents()} == {"second", "other"}


def test_of_repeated_ids_skip_writes_the_first_and_overwrite_the_last(store: VectordDocumentStore) -> None:
    repeated = [Document(id="1", content="first"), Document(id="1", content="second")]
    with pytest.raises(DuplicateDocumentError):
        store.write_documents(repeated, DuplicatePolicy.FAIL)
    assert store.count_documents() == 0
    assert store.write_documents(repeated, DuplicatePolicy.SKIP) == 1
    assert store.filter_documents()[0].content == "first"
    assert store.write_documents(repeated, DuplicatePolicy.OVERWRITE) == 2
    assert store.filter_documents()[0].content == "second"


def test_of_concurrent_writers_of_an_id_one_succeeds(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents([Document(content="first")])
    writers = [VectordDocumentStore(name, target=target) for _ in range(4)]

    def write(number: int) -> int:
        documents = [Document(id="same", content=str(number)), Document(id=str(number), content="own")]
        return writers[number].write_documents(documents, DuplicatePolicy.SKIP)

    with ThreadPoolExecutor(4) as pool:
        written = sorted(pool.map(write, range(4)))
    assert written == [1, 1, 1, 2]
    assert store.count_documents() == 6
    for writer in writers:
        writer.close()


def test_documents_that_need_several_requests_are_written_once(store: VectordDocumentStore) -> None:
    documents = [Document(id=str(number), content="x" * 40_000) for number in range(400)]
    assert store.write_documents(documents[:5]) == 5
    with pytest.raises(DuplicateDocumentError):
        store.write_documents(documents, DuplicatePolicy.FAIL)
    assert store.count_documents() == 5
    assert store.write_documents(documents, DuplicatePolicy.SKIP) == 395
    store.delete_documents([document.id for document in documents])
    assert store.count_documents() == 0


def test_a_sharded_index_works_alike(target: str, name: str, store: VectordDocumentStore) -> None:
    with Client(target) as client:
        client.create_index(name, dimension=2, shards=3)
    assert store.write_documents(FILMS, DuplicatePolicy.FAIL) == 4
    with pytest.raises(DuplicateDocumentError):
        store.write_documents(FILMS)
    assert store.write_documents(FILMS, DuplicatePolicy.SKIP) == 0
    assert [document.id for document in store.embedding_retrieval([1.0, 0.0], filters=OLD)] == ["alien", "stalker"]
    assert store.update_by_filter(OLD, {"by": {"name": "?"}}) == 3
    assert store.get_metadata_field_min_max("year") == {"min": 1972, "max": 1995}
    assert store.get_metadata_field_unique_values("meta.year") == ([1972, 1979, 1995], 3)
    store.delete_all_documents()
    assert store.filter_documents() == []


def test_rows_of_other_programs_are_documents(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    with Client(target) as client:
        client.index(name).add([("bare", [0.0, 1.0]), ("flat", [0.0, 1.0], {"year": 1}), ("text", [0.0, 1.0], "x")])
    found = store.embedding_retrieval([0.0, 1.0], top_k=3)
    assert [document.id for document in found] == ["bare", "flat", "text"]
    assert store.get_metadata_fields_info()["year"] == {"type": "int"}
    assert store.get_metadata_field_unique_values("year")[1] == 3


def test_the_first_embedding_says_the_dimension(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents([Document(content="no embedding"), Document(content="x", embedding=[1.0, 2.0, 3.0])])
    assert _client(store).index(name).info().dimension == 3
    with pytest.raises(DimensionMismatch, match=r"2 dimensions.* has 3"):
        store.write_documents(FILMS)
    with pytest.raises(DimensionMismatch, match=r"2 dimensions.* has 3"):
        store.embedding_retrieval([1.0, 0.0])


def test_a_stated_dimension_is_kept(target: str, name: str) -> None:
    store = VectordDocumentStore(name, target=target, embedding_dimension=3)
    with pytest.raises(DimensionMismatch, match="2 dimensions"):
        store.write_documents(FILMS)
    store.write_documents([Document(content="no embedding")])
    assert _client(store).index(name).info().dimension == 3
    store.close()


def test_an_index_that_does_not_exist_is_empty(store: VectordDocumentStore) -> None:
    assert store.write_documents([]) == 0
    assert store.embedding_retrieval([1.0, 0.0]) == []
    assert store.delete_by_filter(OLD) == store.update_by_filter(OLD, {"a": 1}) == 0
    assert store.update_by_filter(OLD, {"a": None}) == 0
    store.delete_all_documents(recreate_index=True)
    assert store.count_unique_metadata_by_filter({}, ["year"]) == {"year": 0}


def test_mistakes_are_refused(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    for filters in ({}, None):
        with pytest.raises(FilterError, match="empty"):
            store.delete_by_filter(filters)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="query_embedding"):
        store.embedding_retrieval([])
    with pytest.raises(ValueError, match="meta of document 'nan'"):
        store.write_documents([Document(id="nan", content="x", meta={"a": float("nan")})])
    assert store.count_documents() == 4


@pytest.mark.parametrize("ids", ["ab", "a", ""])
async def test_one_text_is_not_a_list_of_ids(store: VectordDocumentStore, ids: Any) -> None:
    store.write_documents([Document(id=each, content=each) for each in "ab"])
    with pytest.raises(UsageError, match=r"^document_ids is one text; give a list"):
        store.delete_documents(ids)
    with pytest.raises(UsageError, match=r"^document_ids is one text; give a list"):
        await store.delete_documents_async(ids)
    assert store.count_documents() == 2


def test_distinct_values_come_from_facets_or_documents(store: VectordDocumentStore) -> None:
    values: list[Any] = ["b", "a", None, True, ["c", "a"], {"x": 1}, []]
    store.write_documents([Document(id=str(n), content="x", meta={"v": each}) for n, each in enumerate(values)])
    assert store.get_metadata_field_unique_values("v") == ([True, "a", "b", "c"], 4)
    assert store.count_unique_metadata_by_filter({}, ["v", "meta.v.x"]) == {"v": 4, "v.x": 1}
    store.write_documents([Document(id=f"n{n}", content="x", meta={"v": n / 2}) for n in range(2_500)])
    assert store.count_unique_metadata_by_filter({}, ["v"]) == {"v": 2_504}
    page, total = store.get_metadata_field_unique_values("meta.v", search_term="24.5")
    assert (page, total) == ([1024.5, 1124.5, 1224.5, 124.5, 224.5, 24.5, 324.5, 424.5, 524.5, 624.5], 13)
    assert store.get_metadata_field_min_max("v") == {"min": 0.0, "max": 1249.5}


def test_minimum_and_maximum_of_texts(store: VectordDocumentStore) -> None:
    store.write_documents([Document(content=str(n), meta={"day": f"1979-05-{n:02}"}) for n in (25, 3, 17)])
    assert store.get_metadata_field_min_max("day") == {"min": "1979-05-03", "max": "1979-05-25"}


def test_types_of_fields(store: VectordDocumentStore) -> None:
    metas: list[dict[str, Any]] = [{"a": 1, "b": True, "c": "x"}, {"a": 1.5, "b": 1, "c": None, "d": [1]}]
    store.write_documents([Document(content=str(meta), meta=meta) for meta in metas])
    types = {key: info["type"] for key, info in store.get_metadata_fields_info().items()}
    assert types == {"a": "float", "b": "keyword", "c": "keyword", "d": "keyword"}


def test_a_pipeline_survives_yaml(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    retriever = VectordEmbeddingRetriever(
        store, filters=OLD, top_k=5, scale_score=True, return_embedding=True, filter_policy="merge", recall=1.0
    )
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    pipeline.add_component("writer", DocumentWriter(store, DuplicatePolicy.SKIP))
    again = Pipeline.loads(pipeline.dumps())
    assert again.to_dict() == pipeline.to_dict()
    component = again.get_component("retriever")
    found = component.run([1.0, 0.0])["documents"]
    assert [document.id for document in found] == ["alien", "stalker"]
    assert found[0].embedding == [1.0, 0.0]
    component.document_store.close()
    again.get_component("writer").document_store.close()


def test_a_token_is_serialized_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMS_TOKEN", "secret")
    store = VectordDocumentStore(target="http://127.0.0.1:1", token=Secret.from_env_var("FILMS_TOKEN"))
    assert "secret" not in str(store.to_dict())
    assert VectordDocumentStore.from_dict(store.to_dict()).token == store.token
    with pytest.raises(ValueError, match="Cannot serialize"):
        VectordDocumentStore(token=Secret.from_token("secret"), target="http://127.0.0.1:1").to_dict()


def test_a_run_replaces_or_merges_filters(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    horror = {"field": "meta.genre", "operator": "==", "value": "horror"}
    new = {"field": "meta.year", "operator": ">", "value": 1990}
    replaced = VectordEmbeddingRetriever(store, filters=OLD)
    assert [document.id for document in replaced.run([1.0, 0.0], filters=new)["documents"]] == ["heat"]
    merged = VectordEmbeddingRetriever(store, filters=OLD, filter_policy=FilterPolicy.MERGE)
    assert [document.id for document in merged.run([1.0, 0.0], filters=horror)["documents"]] == ["alien"]
    assert [document.id for document in merged.run([1.0, 0.0], top_k=1)["documents"]] == ["alien"]
    assert merged.run([1.0, 0.0], top_k=0)["documents"] == []


async def test_an_async_pipeline_retrieves(store: VectordDocumentStore) -> None:
    await store.write_documents_async(FILMS)
    retriever = VectordEmbeddingRetriever(store, top_k=2)
    found = await retriever.run_async([1.0, 0.0], filters=OLD, scale_score=True)
    assert found == retriever.run([1.0, 0.0], filters=OLD, scale_score=True)
    assert [document.id for document in found["documents"]] == ["alien", "stalker"]
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    answer = await pipeline.run_async({"retriever": {"query_embedding": [1.0, 0.0], "top_k": 1}})
    assert [document.id for document in answer["retriever"]["documents"]] == ["alien"]


def test_a_pickled_store_opens_its_index_again(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.count_documents() == 4
    copy.close()


def test_a_retriever_checks_its_parameters(tmp_path: Path) -> None:
    store = VectordDocumentStore(target=str(tmp_path / "data"))
    with pytest.raises(TypeError, match="VectordDocumentStore"):
        VectordEmbeddingRetriever("store")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="top_k"):
        VectordEmbeddingRetriever(store, top_k=0)
    with pytest.raises(ValueError, match="Unknown FilterPolicy"):
        VectordEmbeddingRetriever(store, filter_policy="both")


def test_async_writers_that_skip_share_the_work(target: str, name: str) -> None:
    store = VectordDocumentStore(name, target=target)

    async def write() -> list[int]:
        documents = [Document(id=str(number), content="x") for number in range(3)]
        calls = [store.write_documents_async(documents, DuplicatePolicy.SKIP) for _ in range(3)]
        written = await asyncio.gather(*calls)
        await store.close_async()
        return list(written)

    assert sorted(asyncio.run(write())) == [0, 0, 3]
    store.close()


def test_vectors_are_stored_as_float32(store: VectordDocumentStore) -> None:
    store.write_documents([Document(content="x", embedding=[0.1, 0.2])])
    assert store.filter_documents()[0].embedding == np.float32([0.1, 0.2]).tolist()


def _client(store: VectordDocumentStore) -> Client:
    return store._access.clients.sync
