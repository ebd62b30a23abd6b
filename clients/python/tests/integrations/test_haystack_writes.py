"""How the Haystack store writes, updates and deletes, also beside other writers."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError
from tests.integrations.haystack_films import FILMS, OLD

from vectord_client.errors import UsageError
from vectord_client.integrations.haystack import VectordDocumentStore


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
    store = VectordDocumentStore(name, target=target)
    yield store
    await store.close_async()
    store.close()


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


@pytest.mark.parametrize("policy", list(DuplicatePolicy))
def test_a_document_that_is_not_valid_is_named_by_its_position(
    store: VectordDocumentStore, policy: DuplicatePolicy
) -> None:
    documents = [Document(id=str(n), content="x", embedding=[1.0] * (3 if n == 2 else 2)) for n in range(4)]
    with pytest.raises(UsageError, match=r"item 2, id '2': the vector has 3 components, and the first row has 2"):
        store.write_documents(documents, policy)
    assert store.count_documents() == 0


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


def test_documents_that_need_several_requests_are_written_once(store: VectordDocumentStore) -> None:
    documents = [Document(id=str(number), content="x" * 40_000) for number in range(400)]
    assert store.write_documents(documents[:5]) == 5
    with pytest.raises(DuplicateDocumentError):
        store.write_documents(documents, DuplicatePolicy.FAIL)
    assert store.count_documents() == 5
    assert store.write_documents(documents, DuplicatePolicy.SKIP) == 395
    store.delete_documents([document.id for document in documents])
    assert store.count_documents() == 0


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
