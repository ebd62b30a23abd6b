"""The query modes `text_search` and `hybrid` of the LlamaIndex store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import Document, ImageNode, MediaResource, Node, TextNode
from llama_index.core.vector_stores import VectorStoreQuery
from llama_index.core.vector_stores.types import VectorStoreQueryMode
from tests.integrations.llamaindex_nodes import node, query, where

from vectord_client.integrations.llamaindex import VectordVectorStore
from vectord_client.integrations.text_search import TextNotDeclared

HYBRID, TEXT_SEARCH = VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.TEXT_SEARCH
TEXTS = {
    "room": "a quiet room",
    "one": "a monster",
    "many": "monsters, monsters, a monster",
    "ship": "a ship and its monster",
}
FILMS = [
    node(id, degrees, n=degrees).model_copy(update={"text": text})
    for (id, text), degrees in zip(TEXTS.items(), (0, 20, 40, 90), strict=True)
]


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordVectorStore]:
    store = VectordVectorStore(name, target=target, text_search=True)
    store.add(FILMS)
    yield store
    await store.aclose()
    store.close()


def hybrid(words: str | None = "monster", degrees: float = 5, **options: Any) -> VectorStoreQuery:
    return query(degrees, **{"k": 4, "mode": HYBRID, "query_str": words, **options})


def by_words(words: str | None = "monster", **options: Any) -> VectorStoreQuery:
    return VectorStoreQuery(query_str=words, mode=TEXT_SEARCH, **{"similarity_top_k": 4, **options})


def test_a_text_search_finds_the_most_relevant_nodes_without_an_embedding(store: VectordVectorStore) -> None:
    found = store.query(by_words())
    assert found.ids == ["many", "one", "ship"]
    hits = store.client.index(store.index_name).search(words="monster")
    assert found.similarities == [hit.relevance for hit in hits]
    assert [each.get_content() for each in found.nodes or []] == [TEXTS[id] for id in found.ids or []]
    assert store.query(by_words("submarine")).ids == []


def test_a_hybrid_query_joins_both_ranks(store: VectordVectorStore) -> None:
    found = store.query(hybrid())
    assert found.ids == ["many", "one", "ship", "room"]
    vector = hybrid().query_embedding
    hits = store.client.index(store.index_name).search(vector, words="monster", k=4)
    assert found.similarities == [hit.score for hit in hits]


@pytest.mark.parametrize(
    ("alpha", "ids"),
    [
        (None, ["many", "one", "ship", "room"]),
        (0.5, ["many", "one", "ship", "room"]),
        (0.0, ["many", "one", "ship", "room"]),
        (1.0, ["room", "one", "many", "ship"]),
        (0.9, ["one", "many", "ship", "room"]),
    ],
)
def test_alpha_is_0_for_words_and_1_for_vectors(store: VectordVectorStore, alpha: float | None, ids: list[str]) -> None:
    assert store.query(hybrid(alpha=alpha)).ids == ids


def test_each_mode_has_its_own_number_of_results(store: VectordVectorStore) -> None:
    assert store.query(by_words(similarity_top_k=1)).ids == ["many"]
    assert store.query(by_words(similarity_top_k=1, sparse_top_k=2)).ids == ["many", "one"]
    assert len(store.query(hybrid(k=1)).ids or []) == 1
    assert len(store.query(hybrid(k=1, hybrid_top_k=3)).ids or []) == 3
    assert len(store.query(hybrid(k=4, sparse_top_k=1, hybrid_top_k=2)).ids or []) == 2
    for wanted in (hybrid(k=500, hybrid_top_k=900), hybrid(k=1, hybrid_top_k=300), hybrid(k=1, sparse_top_k=2000)):
        assert len(store.query(wanted).ids or []) == (1 if wanted.hybrid_top_k is None else 4)


def test_filters_and_arguments_of_a_search_hold_for_both_modes(store: VectordVectorStore) -> None:
    few = where("n", 40)
    assert store.query(hybrid(filters=few)).ids == store.query(by_words(filters=few)).ids == ["many"]
    assert store.query(by_words(node_ids=["ship", "one"])).ids == ["one", "ship"]
    assert store.query(hybrid(), fusion={"weights": {"vector": 1e6}}).ids == ["room", "one", "many", "ship"]
    assert store.query(by_words("monster ship"), words={"query": "monster ship", "match": "all"}).ids == ["ship"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (hybrid(None), "no query_str, whose words the mode 'hybrid'"),
        (by_words(None), "no query_str, whose words the mode 'text_search'"),
        (VectorStoreQuery(query_str="monster", mode=HYBRID), "no query_embedding"),
        (hybrid(alpha=1.5), "alpha is 1.5, and must be from 0"),
    ],
)
def test_a_query_that_lacks_something_is_refused(
    store: VectordVectorStore, wanted: VectorStoreQuery, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        store.query(wanted)


async def test_async_calls_do_what_sync_calls_do(store: VectordVectorStore) -> None:
    for wanted in (hybrid(alpha=0.3), by_words()):
        assert await store.aquery(wanted) == store.query(wanted)


async def test_an_index_of_llamaindex_retrieves_in_both_modes(target: str, name: str) -> None:
    store = VectordVectorStore(name, target=target, text_search={"language": "german"})
    model = MockEmbedding(embed_dim=8)
    documents = [Document(text="Häuser am See", id_="two"), Document(text="das Haus", id_="one")]
    index = VectorStoreIndex.from_documents(
        documents, StorageContext.from_defaults(vector_store=store), embed_model=model
    )
    words = index.as_retriever(vector_store_query_mode="text_search", similarity_top_k=1)
    assert [each.node.ref_doc_id for each in words.retrieve("Haus")] == ["one"]
    joined = index.as_retriever(vector_store_query_mode="hybrid", alpha=0.2, hybrid_top_k=1)
    assert [each.node.ref_doc_id for each in await joined.aretrieve("See")] == ["two"]
    await store.aclose()
    store.close()


def test_every_kind_of_node_is_found_by_its_text_and_comes_back_as_it_was(target: str, name: str) -> None:
    nodes = [
        TextNode(id_="text", text="red", embedding=[1, 0]),
        ImageNode(id_="image", text="green", image_url="https://example.com/a.png", embedding=[1, 0]),
        Node(id_="node", text_resource=MediaResource(text="blue"), embedding=[1, 0]),
    ]
    store = VectordVectorStore(name, target=target, text_search=True)
    store.add(nodes)
    for word, each in zip(("red", "green", "blue"), nodes, strict=True):
        assert store.query(by_words(word)).nodes == [each.model_copy(update={"embedding": None})]
    store.close()


def test_a_row_of_an_earlier_version_has_its_text_in_the_node(store: VectordVectorStore) -> None:
    index = store.client.index(store.index_name)
    row = {**index["one"].metadata, "node": TextNode(id_="one", text="earlier").model_dump_json()}
    row.pop("text")
    index.add([("one", [1, 0], row)])
    assert [each.get_content() for each in store.get_nodes(["one"])] == ["earlier"]


def test_an_index_without_a_text_field_is_refused(tmp_path: Path) -> None:
    store = VectordVectorStore("films", target=str(tmp_path))
    store.add(FILMS)
    for wanted in (hybrid(), by_words()):
        with pytest.raises(TextNotDeclared, match="text_search=True"):
            store.query(wanted)
    store.client.index("films").declare_text("text")
    assert store.query(by_words(similarity_top_k=1)).ids == ["many"]
    store.close()
