"""The Haystack store and retriever beyond the outside suites: what users do with them."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import numpy as np
import pytest
from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.types import DuplicatePolicy
from tests.integrations.haystack_films import FILMS

from vectord_client import Client
from vectord_client.integrations.haystack import VectordDocumentStore


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


def test_sparse_embeddings_can_be_declared_and_searched(target: str, name: str, store: VectordDocumentStore) -> None:
    embedding = SparseEmbedding(indices=[3, 7], values=[0.5, 1.5])
    store.write_documents([*FILMS, Document(id="x", content="x", embedding=[1.0, 0.0], sparse_embedding=embedding)])
    with Client(target) as client:
        client.index(name).declare_sparse("sparse_embedding")
        assert [(hit.id, hit.relevance) for hit in client.index(name).search(sparse={7: 2.0})] == [("x", 3.0)]


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


def test_rows_of_other_programs_are_documents(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    with Client(target) as client:
        client.index(name).add([("bare", [0.0, 1.0]), ("flat", [0.0, 1.0], {"year": 1}), ("text", [0.0, 1.0], "x")])
    found = store.embedding_retrieval([0.0, 1.0], top_k=3)
    assert [document.id for document in found] == ["bare", "flat", "text"]
    assert store.get_metadata_fields_info()["year"] == {"type": "int"}
    assert store.get_metadata_field_unique_values("year")[1] == 3


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


def test_vectors_are_stored_as_float32(store: VectordDocumentStore) -> None:
    store.write_documents([Document(content="x", embedding=[0.1, 0.2])])
    assert store.filter_documents()[0].embedding == np.float32([0.1, 0.2]).tolist()
