"""The LlamaIndex store: there is no outside suite, so it is compared with LlamaIndex's own store and indexes."""

from collections.abc import AsyncIterator
from datetime import date
from math import cos, radians
from typing import Any

import pytest
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import Document, ImageNode, IndexNode, TextNode
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilters,
    SimpleVectorStore,
    VectorStoreQuery,
)
from llama_index.core.vector_stores.types import VectorStoreQueryMode
from tests.integrations.llamaindex_nodes import FILMS, node, query, where

from vectord_client.errors import UsageError
from vectord_client.integrations.access import DistanceMismatch
from vectord_client.integrations.llamaindex import VectordVectorStore

SUPPORTED = {
    VectorStoreQueryMode.DEFAULT,
    VectorStoreQueryMode.MMR,
    VectorStoreQueryMode.HYBRID,  # tests/integrations/test_llamaindex_hybrid.py
    VectorStoreQueryMode.TEXT_SEARCH,
}


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordVectorStore]:
    store = VectordVectorStore(name, target=target)
    yield store
    await store.aclose()
    store.close()


def test_a_query_returns_nodes_by_similarity(store: VectordVectorStore) -> None:
    assert store.add(FILMS) == ["alien", "heat", "thief", "stalker"]
    found = store.query(query(10, k=2))
    assert found.ids == ["alien", "heat"]
    assert found.similarities == pytest.approx([cos(radians(10)), cos(radians(30))])
    assert [each.get_content() for each in found.nodes or []] == ["text of alien", "text of heat"]
    assert (found.nodes or [])[0].metadata == FILMS[0].metadata
    assert (found.nodes or [])[0].ref_doc_id == "scott.txt"


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_mmr_chooses_what_llamaindex_chooses(store: VectordVectorStore, threshold: float) -> None:
    simple = SimpleVectorStore()
    simple.add(FILMS)
    store.add(FILMS)
    wanted = query(5, k=3, mode=VectorStoreQueryMode.MMR)
    found = store.query(wanted, mmr_threshold=threshold)
    assert found.ids == simple.query(wanted, mmr_threshold=threshold).ids
    assert found.similarities == pytest.approx([cos(radians(5 - _degrees(id))) for id in found.ids or []])


def test_mmr_chooses_among_the_prefetched_nodes(store: VectordVectorStore) -> None:
    store.add(FILMS)
    wanted = query(0, k=2, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.0)
    assert store.query(wanted).ids == ["alien", "stalker"]
    assert store.query(wanted, mmr_prefetch_k=2).ids == ["alien", "heat"]
    assert store.query(wanted, mmr_prefetch_factor=1.5).ids == ["alien", "thief"]
    with pytest.raises(ValueError, match="not both"):
        store.query(wanted, mmr_prefetch_factor=1.5, mmr_prefetch_k=2)


@pytest.mark.parametrize("mode", sorted(set(VectorStoreQueryMode) - SUPPORTED))
def test_other_modes_are_refused(store: VectordVectorStore, mode: VectorStoreQueryMode) -> None:
    with pytest.raises(ValueError, match=f"'{mode.value}' is not supported"):
        store.query(query(mode=mode))


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (where("year", 1979), {"alien", "stalker"}),
        (where("year", 1980, FilterOperator.GT), {"heat", "thief"}),
        (where("genre", "scifi", FilterOperator.CONTAINS), {"alien"}),
        (where("genre", ["crime", "horror"], FilterOperator.ANY), {"alien", "heat"}),
        (where("genre", ["horror", "scifi"], FilterOperator.ALL), {"alien"}),
        (where("genre", None, FilterOperator.IS_EMPTY), {"thief", "stalker"}),
        (where("title", "ie", FilterOperator.TEXT_MATCH), {"alien", "thief"}),
        (where("title", "HEA", FilterOperator.TEXT_MATCH_INSENSITIVE), {"heat"}),
        (where("ref_doc_id", "mann.txt"), {"heat", "thief"}),
        (MetadataFilters(filters=[]), {"alien", "heat", "thief", "stalker"}),
        (
            MetadataFilters(
                filters=[
                    where("year", [1979, 1981], FilterOperator.IN),
                    MetadataFilters(
                        filters=[where("title", "Thief"), where("title", None)], condition=FilterCondition.NOT
                    ),
                ]
            ),
            {"alien"},
        ),
    ],
)
def test_filters_select_nodes(store: VectordVectorStore, filters: MetadataFilters, ids: set[str]) -> None:
    store.add(FILMS)
    assert set(store.query(query(filters=filters)).ids or []) == ids
    assert {each.node_id for each in store.get_nodes(filters=filters)} == ids


def test_a_query_can_be_restricted_to_nodes_and_documents(store: VectordVectorStore) -> None:
    store.add(FILMS)
    assert set(store.query(query(node_ids=["heat", "alien", "none"])).ids or []) == {"alien", "heat"}
    assert set(store.query(query(doc_ids=["mann.txt"])).ids or []) == {"heat", "thief"}
    both = query(doc_ids=["mann.txt"], node_ids=["heat", "alien"], filters=where("year", 1990, FilterOperator.GT))
    assert store.query(both).ids == ["heat"]
    assert len(store.query(query(node_ids=[], doc_ids=[])).ids or []) == 4


def test_nodes_come_back_as_they_were(store: VectordVectorStore) -> None:
    nodes = [
        TextNode(id_="a", text="Ä\n", embedding=[1, 0], metadata={"day": date(1979, 5, 25), "n": None, "$x.y": [1]}),
        ImageNode(id_="b", text="poster", image_url="https://example.com/a.png", embedding=[0, 1]),
        IndexNode(id_="c", text="index", index_id="other", embedding=[0, 1]),
        TextNode(id_="d/é ?", text="", embedding=[0, 1], excluded_llm_metadata_keys=["n"], start_char_idx=5),
    ]
    store.add(nodes)
    found = {each.node_id: each for each in store.get_nodes()}
    assert found["a"].metadata == {"day": "1979-05-25", "n": None, "$x.y": [1]}
    for each in nodes[1:]:
        assert found[each.node_id] == each.model_copy(update={"embedding": None})
    assert [each.node_id for each in store.get_nodes(["d/é ?", "none", "a"])] == ["d/é ?", "a"]
    assert store.get_nodes([]) == []
    assert store.get_nodes(["a", "b"], filters=where("day", "1979-05-25"))[0].node_id == "a"


def test_nodes_are_deleted_by_document_by_id_and_by_filter(store: VectordVectorStore) -> None:
    store.add(FILMS)
    store.delete("mann.txt")
    assert {each.node_id for each in store.get_nodes()} == {"alien", "stalker"}
    store.add(FILMS)
    store.delete_nodes(["alien", "none"])
    store.delete_nodes(["heat", "thief"], filters=where("year", 1981))
    store.delete_nodes([])
    assert {each.node_id for each in store.get_nodes()} == {"heat", "stalker"}
    store.delete_nodes(filters=where("year", 1979))
    assert {each.node_id for each in store.get_nodes()} == {"heat"}
    with pytest.raises(ValueError, match="clear"):
        store.delete_nodes()
    store.clear()
    assert store.get_nodes() == []


async def test_async_calls_do_what_sync_calls_do(store: VectordVectorStore) -> None:
    assert await store.async_add(FILMS) == ["alien", "heat", "thief", "stalker"]
    for mode in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR):
        wanted = query(5, k=2, mode=mode, filters=where("year", 1979))
        assert (await store.aquery(wanted)).ids == store.query(wanted).ids == ["alien", "stalker"]
    assert await store.aget_nodes(["heat"]) == store.get_nodes(["heat"])
    assert len(await store.aget_nodes(filters=where("year", 1979))) == 2
    await store.adelete("mann.txt")
    await store.adelete_nodes(["alien"])
    assert [each.node_id for each in await store.aget_nodes()] == ["stalker"]
    await store.aclear()
    assert await store.aget_nodes() == []


async def test_an_index_of_llamaindex_retrieves_from_it(store: VectordVectorStore) -> None:
    context = StorageContext.from_defaults(vector_store=store)
    documents = [Document(text="Alien", id_="a", metadata={"year": 1979}), Document(text="Heat", id_="b")]
    index = VectorStoreIndex.from_documents(documents, context, embed_model=MockEmbedding(embed_dim=8))
    again = VectorStoreIndex.from_vector_store(store, embed_model=MockEmbedding(embed_dim=8))
    found = again.as_retriever(similarity_top_k=5, filters=where("year", 1979)).retrieve("space")
    assert [each.get_content() for each in found] == ["Alien"]
    assert len(await again.as_retriever(vector_store_query_mode="mmr").aretrieve("space")) == 2
    index.delete_ref_doc("a")
    assert [each.get_content() for each in again.as_retriever().retrieve("space")] == ["Heat"]
    refreshed = index.refresh_ref_docs([Document(text="Heat, 1995", id_="b")])
    assert refreshed == [True]
    assert [each.get_content() for each in again.as_retriever().retrieve("heat")] == ["Heat, 1995"]


def test_euclidean_similarity_falls_with_the_distance(target: str, name: str) -> None:
    store = VectordVectorStore(name, target=target, distance="euclidean")
    store.add([node("near", 0), node("far", 60)])
    again = VectordVectorStore(name, target=target)
    found = again.query(query(0))
    assert found.ids == ["near", "far"]
    assert found.similarities == pytest.approx([1.0, 0.5], abs=1e-6)
    cosine = VectordVectorStore(name, target=target, distance="cosine")
    with pytest.raises(DistanceMismatch):
        cosine.query(query(0))
    for each in (store, again, cosine):
        each.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.delete_nodes("ab"),
        lambda store: store.delete_nodes(""),
        lambda store: store.delete_nodes("ab", where("year", 1979)),
        lambda store: store.get_nodes("ab"),
        lambda store: store.get_nodes("ab", where("year", 1979)),
        lambda store: store.query(VectorStoreQuery(query_embedding=[1, 0], node_ids="ab")),
        lambda store: store.query(VectorStoreQuery(query_embedding=[1, 0], doc_ids="ab")),
    ],
)
def test_one_text_is_not_a_list_of_ids(store: VectordVectorStore, call: Any) -> None:
    store.add(FILMS)
    before = len(store.get_nodes())
    with pytest.raises(UsageError, match=r"_ids is one text; give a list"):
        call(store)
    assert len(store.get_nodes()) == before


def _degrees(id: str) -> float:
    return {"alien": 0, "heat": 40, "thief": 60, "stalker": 170}[id]


def test_an_empty_text_is_a_node_and_an_empty_embedding_is_refused(store: VectordVectorStore) -> None:
    store.add([TextNode(id_="empty", text="", embedding=[1.0, 0.0])])
    assert [each.get_content() for each in store.get_nodes(["empty"])] == [""]
    with pytest.raises(UsageError, match="has no numbers"):
        store.query(VectorStoreQuery(query_embedding=[]))
