"""Search by words and hybrid search over HTTP: what a request asks, what matches show, pages, and what is refused."""

from typing import Any

import pytest

from tests.support.api import Answer, Api

PROBLEM = "urn:vectord:problem:"
FILMS = {
    "alien": ([1.0, 0.0], "A monster hunts the crew of a ship in space", "Alien"),
    "aliens": ([0.9, 0.1], "Marines hunt monsters: many monsters", "Aliens"),
    "heat": ([0.0, 1.0], "A thief and a detective in Los Angeles", "Heat"),
    "ship": ([0.1, 0.9], "A ship sinks", "The Ship"),
    "empty": ([0.5, 0.5], "", "Nothing"),
}
TEXT = {"plot": {}, "title": {"language": None}}


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def films(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(text=TEXT, shards=request.param)
    for name, (vector, plot, title) in FILMS.items():
        ephemeral.add(
            {"id": name, "vector": vector, "metadata": {"plot": plot, "title": title, "long": len(plot) > 20}}
        )
    return ephemeral


def search(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/search", body)


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [match["id"] for match in answer.json["matches"]]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"text": "monsters"}, ["aliens", "alien"]),
        ({"text": {"query": "monster ship", "match": "all"}}, ["alien"]),
        ({"text": {"query": "alien", "fields": ["plot"]}}, []),
        ({"text": {"query": "alien", "fields": ["title"]}}, ["alien"]),
        ({"text": {"query": "alie", "fields": ["title"], "prefix": True}}, ["alien", "aliens"]),
        ({"text": {"query": "ship", "fields": {"title": 1000, "plot": 0.001}}}, ["ship", "alien"]),
        ({"text": "monsters", "filter": {"title": "Alien"}}, ["alien"]),
        ({"text": "SHIP!\u0000", "k": 1}, ["ship"]),
        ({"text": "zebra"}, []),
    ],
)
def test_words_find_the_most_relevant(films: Api, body: Any, found: list[str]) -> None:
    answer = search(films, **body)
    assert ids(answer) == found
    assert all(set(match) == {"id", "metadata", "relevance"} for match in answer.json["matches"])
    relevances = [match["relevance"] for match in answer.json["matches"]]
    assert relevances == sorted(relevances, reverse=True)
    assert answer.json["strategy"] == "text"


def test_a_match_may_have_its_vector_and_an_explanation(films: Api) -> None:
    [match] = search(films, text="space", include=["vector"], explain=True).json["matches"]
    [term] = match["explanation"]["terms"]
    assert match["vector"] == [1.0, 0.0]
    assert (term["field"], term["term"], term["count"], term["rows"]) == ("plot", "space", 1, 1)
    assert term["share"] == match["relevance"]


def test_a_hybrid_match_has_all_three_numbers(films: Api) -> None:
    answer = search(films, vector=[0, 1], text="monster", explain=True, k=5)
    assert set(ids(answer)) == set(FILMS)
    for match in answer.json["matches"]:
        ranks = [match["explanation"].get(name) for name in ("vector_rank", "text_rank")]
        assert match["score"] == pytest.approx(sum(1 / (60 + rank) for rank in ranks if rank))
        assert {"distance", "relevance"} <= set(match)
    scores = [match["score"] for match in answer.json["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert all("explanation" not in match for match in search(films, vector=[0, 1], text="monster").json["matches"])


def test_fusion_weighs_the_lists(films: Api) -> None:
    def first(**weights: float) -> str:
        return ids(search(films, vector=[0, 1], text="monsters", k=2, fusion={"weights": weights, "candidates": 1}))[0]

    assert first(text=10) == "aliens"
    assert first(vector=10) == "heat"


@pytest.mark.parametrize("body", [{"text": "monster ship thief"}, {"text": "monster ship", "vector": [0, 1]}])
def test_pages_repeat_nothing_while_vectors_are_added(films: Api, body: Any) -> None:
    expected = ids(search(films, **body))
    seen = list[str]()
    after = None
    for number in range(len(expected) + 1):
        answer = search(films, **body, k=1, after=after)
        seen += ids(answer)
        after = answer.json["next"]
        if after is None:
            break
        films.add({"id": f"new{number}", "vector": [1, 0], "metadata": {"plot": "unrelated words"}})
    assert [one for one in seen if not one.startswith("new")] == expected
    assert len(seen) == len(set(seen))


def test_a_least_relevance_leaves_out_matches(films: Api) -> None:
    best, other = (match["relevance"] for match in search(films, text="monsters").json["matches"])
    assert ids(search(films, text="monsters", min_relevance=(best + other) / 2)) == ["aliens"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": ""}, "text.query has no words"),
        ({"text": "?! \u0007"}, "text.query has no words"),
        ({"text": {"query": "the of", "fields": ["plot"]}}, "text.query has only stop words"),
        ({"text": {"query": "a", "fields": ["year"]}}, "text.fields has 'year', which the index does not declare"),
        ({"text": "e" * 10_001}, "text.query must have at most 10,000 characters"),
        ({"text": "e" * 1_000_000}, "text.query may have 10,000 characters"),
        ({"text": {"query": "red", "fields": {"plot": -1}}}, "text.fields: the weight of 'plot'"),
        ({"text": {"query": "red", "fields": {"plot": 0}}}, "text.fields: the weight of 'plot'"),
        ({"text": "red", "min_relevance": -1}, "min_relevance must be at least 0"),
        ({"text": "red", "max_distance": 1}, "max_distance needs a vector or an id"),
        ({"text": "red", "k": 0}, "k must be 1 to 10,000"),
        ({"vector": [1, 0], "explain": True}, "explain needs 'text'"),
        ({"vector": [1, 0], "text": "red", "fusion": {"rank_constant": -1}}, "fusion.rank_constant must be 0 to"),
        ({"vector": [1, 0], "text": "red", "fusion": {"candidates": 1_001}}, "fusion.candidates must be 1 to 1,000"),
        ({"vector": [1, 0], "text": "red", "fusion": {"weights": {"text": -1}}}, "fusion.weights.text must be"),
        ({"vector": [1, 0], "text": "red", "fusion": {"weights": {"text": 1, "text ": 1}}}, "`text `"),
        ({"vectors": [[1, 0]], "text": "red"}, "'text' cannot be combined with 'vectors'"),
        ({"vector": [1, 0, 0], "text": "red"}, "vector must have 2 components"),
        ('{"text": {"query": "a", "query": "b"}}', "'query' more than once"),
    ],
)
def test_words_that_are_not_valid_are_refused_with_their_place(films: Api, body: Any, detail: str) -> None:
    answer = films.send("POST", "/indexes/t/search", body)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert detail in answer.json["detail"]


def test_an_index_without_texts_is_not_searched_by_words(ephemeral: Api) -> None:
    ephemeral.create()
    for body in ({"text": "red"}, {"text": "red", "vector": [1, 0]}):
        answer = search(ephemeral, **body)
        assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
        assert "declares no texts" in answer.json["detail"]


def test_an_empty_index_has_no_matches(ephemeral: Api) -> None:
    ephemeral.create(text=TEXT)
    assert ids(search(ephemeral, text="red")) == ids(search(ephemeral, text="red", vector=[1, 0])) == []


def test_a_cursor_belongs_to_its_search(films: Api) -> None:
    cursor = search(films, text="monsters", k=1).json["next"]
    assert ids(search(films, text={"query": "monsters"}, k=1, after=cursor)) == ["alien"]
    answer = search(films, text="monster", k=1, after=cursor)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}cursor-invalid")


def test_an_earlier_state_is_searched_too(api_with_versions: Api) -> None:
    api = api_with_versions
    api.create(text=TEXT)
    before = api.add({"id": "a", "vector": [1, 0], "metadata": {"plot": "old words"}}).etag
    api.add({"id": "a", "vector": [1, 0], "metadata": {"plot": "new words"}})
    assert ids(search(api, text="old", as_of=before)) == ["a"]
    assert ids(search(api, text="old")) == []
