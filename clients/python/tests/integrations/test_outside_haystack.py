"""The outside suites of Haystack: every class of tests in haystack.testing.document_store and its async counterpart."""

import inspect
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.testing import document_store as sync_suite
from haystack.testing import document_store_async as async_suite

from vectord_client.integrations.haystack import VectordDocumentStore


def suites(module: ModuleType) -> tuple[type, ...]:
    """Return the classes of a module that have tests, without those that another of them extends."""
    classes = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__ and any(name.startswith("test") for name in dir(each))
    ]
    extended = {base for each in classes for base in each.__mro__[1:]}
    return tuple(each for each in classes if each not in extended)


class Fixtures:
    @pytest.fixture
    async def document_store(self, target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
        store = VectordDocumentStore(name, target=target)
        yield store
        await store.close_async()
        store.close()

    @pytest.fixture
    def filterable_docs(self) -> list[Document]:
        return sync_suite.create_filterable_docs()

    @staticmethod
    def assert_documents_are_equal(received: list[Document], expected: list[Document]) -> None:
        """Compare documents in any order; embeddings as float32, which is what an index stores."""
        assert sorted(map(_comparable, received), key=_id) == sorted(map(_comparable, expected), key=_id)


class FirstWrite:
    def test_write_documents(self, document_store: VectordDocumentStore) -> None:
        """The suite leaves the policy NONE to the store: it means FAIL."""
        documents = [Document(content="test doc")]
        assert document_store.write_documents(documents) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents(documents, DuplicatePolicy.NONE)


class FirstAsyncWrite:
    async def test_write_documents_async(self, document_store: VectordDocumentStore) -> None:
        documents = [Document(content="test doc")]
        assert await document_store.write_documents_async(documents) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async(documents, DuplicatePolicy.NONE)


TestHaystack = type("TestHaystack", (FirstWrite, Fixtures, *suites(sync_suite)), {})
TestHaystackAsync = type("TestHaystackAsync", (FirstAsyncWrite, Fixtures, *suites(async_suite)), {})


@pytest.mark.parametrize("suite", [sync_suite, async_suite])
def test_every_test_of_the_suite_is_collected(suite: ModuleType) -> None:
    ours = {name for each in (TestHaystack, TestHaystackAsync) for name in dir(each)}
    theirs = {
        name for _, each in inspect.getmembers(suite, inspect.isclass) for name in dir(each) if name.startswith("test")
    }
    assert theirs
    assert theirs <= ours


def _comparable(document: Document) -> dict[str, Any]:
    fields = document.to_dict(flatten=False)
    embedding = fields["embedding"]
    return {**fields, "embedding": None if embedding is None else np.float32(embedding).tolist()}


def _id(fields: dict[str, Any]) -> str:
    return str(fields["id"])
