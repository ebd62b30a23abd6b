"""The Haystack store and its index: which one it opens and creates, and what it refuses."""

import asyncio
import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret
from tests.integrations.haystack_films import FILMS, OLD

from vectord_client import Client
from vectord_client.errors import ArgumentInvalid, EmbedderMismatch
from vectord_client.integrations.access import DimensionMismatch, DistanceMismatch
from vectord_client.integrations.haystack import VectordDocumentStore
from vectord_client.integrations.models import ModelNotCompared
from vectord_client.values import Embedding


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
    store = VectordDocumentStore(name, target=target)
    yield store
    await store.close_async()
    store.close()


def test_an_index_that_does_not_exist_is_empty(store: VectordDocumentStore) -> None:
    assert store.write_documents([]) == 0
    assert store.embedding_retrieval([1.0, 0.0]) == []
    assert store.delete_by_filter(OLD) == store.update_by_filter(OLD, {"a": 1}) == 0
    assert store.update_by_filter(OLD, {"a": None}) == 0
    store.delete_all_documents(recreate_index=True)
    assert store.count_unique_metadata_by_filter({}, ["year"]) == {"year": 0}


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


def test_a_pickled_store_opens_its_index_again(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.count_documents() == 4
    copy.close()


def test_a_token_is_serialized_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMS_TOKEN", "secret")
    store = VectordDocumentStore(target="http://127.0.0.1:1", token=Secret.from_env_var("FILMS_TOKEN"))
    assert "secret" not in str(store.to_dict())
    assert VectordDocumentStore.from_dict(store.to_dict()).token == store.token
    with pytest.raises(ValueError, match="Cannot serialize"):
        VectordDocumentStore(token=Secret.from_token("secret"), target="http://127.0.0.1:1").to_dict()


def _client(store: VectordDocumentStore) -> Client:
    return store._access.clients.sync


OPERATIONS = [
    lambda store: store.count_documents(),
    lambda store: store.filter_documents(),
    lambda store: store.write_documents(FILMS),
    lambda store: store.delete_documents(["alien"]),
    lambda store: store.delete_all_documents(),
    lambda store: store.update_by_filter(OLD, {"a": 1}),
    lambda store: store.get_metadata_fields_info(),
    lambda store: store.embedding_retrieval([1.0, 0.0]),
    lambda store: asyncio.run(store.count_documents_async()),
    lambda store: asyncio.run(store.delete_all_documents_async()),
]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"distance": "euclidean"}, DistanceMismatch, "cosine, not euclidean. Leave the distance out"),
        ({"embedding_dimension": 3}, DimensionMismatch, r"has 2 .* embedding_dimension=3. Leave .* out"),
        ({"embedding_model": "second"}, EmbedderMismatch, "'first', not by 'second'"),
    ],
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_first_operation_compares_the_index_with_what_the_store_states(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str, operation: Any
) -> None:
    with Client(tmp_path) as client:
        client.create_index("films", dimension=2, embedding=Embedding("first"))
    store = VectordDocumentStore("films", target=str(tmp_path), **options)
    with pytest.raises(error, match=message):
        operation(store)
    store.close()


def test_a_store_that_states_what_the_index_has_is_accepted(target: str, name: str) -> None:
    stated: dict[str, Any] = {"embedding_dimension": 2, "distance": "euclidean", "embedding_model": "first"}
    for count in (4, 8):  # the index is created, and exists
        store = VectordDocumentStore(name, target=target, **stated)
        store.write_documents([Document(content=f"{count} {film.id}", embedding=film.embedding) for film in FILMS])
        assert store.count_documents() == count
        assert _client(store).index(name).info().parameters.embedding == Embedding("first")
        store.close()


async def test_an_index_that_differs_can_be_created_again(target: str, name: str) -> None:
    with Client(target) as client:
        client.create_index(name, dimension=5)
        store = VectordDocumentStore(name, target=target, embedding_dimension=2)
        store.delete_all_documents(recreate_index=True)
        assert store.write_documents(FILMS) == 4
        client.delete_index(name)
        client.create_index(name, dimension=5)
        again = VectordDocumentStore(name, target=target, embedding_dimension=2)
        await again.delete_all_documents_async(recreate_index=True)
        assert await again.write_documents_async(FILMS) == 4
        await again.close_async()
        store.close()


def test_a_store_without_a_model_says_that_it_was_not_compared(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        client.create_index("films", dimension=2, embedding=Embedding("first"))
    store = VectordDocumentStore("films", target=str(tmp_path))
    with pytest.warns(ModelNotCompared, match="embedding_model='first'"):
        store.write_documents(FILMS)
    store.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": "a/b"}, "'a/b' is not the name of an index"),
        ({"distance": "dot"}, "distance is 'dot'"),
        ({"embedding_dimension": 0}, "embedding_dimension is 0, and must be from 1 to 4,096"),
        ({"embedding_dimension": 4_097}, "embedding_dimension is 4097"),
        ({"embedding_dimension": "768"}, "embedding_dimension is '768'"),
        ({"embedding_model": 5}, "embedding_model is 5"),
    ],
)
def test_a_store_that_no_index_can_suit_is_refused_at_once(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentInvalid, match=message):
        VectordDocumentStore(**{"index": "films", "target": str(tmp_path), **options})


def test_an_embedding_without_numbers_is_refused(store: VectordDocumentStore) -> None:
    with pytest.raises(ArgumentInvalid, match="has no numbers"):
        store.write_documents([Document(content="x", embedding=[])])


def test_a_pickled_or_serialized_store_still_states_its_model(tmp_path: Path) -> None:
    store = VectordDocumentStore("films", target=str(tmp_path), embedding_model="first")
    with Client(tmp_path) as client:
        client.create_index("films", dimension=2, embedding=Embedding("second"))
    for copy in (pickle.loads(pickle.dumps(store)), VectordDocumentStore.from_dict(store.to_dict())):
        with pytest.raises(EmbedderMismatch):
            copy.count_documents()
        copy.close()
