"""Words and a sparse vector in one search, with a vector or without: scores by the formula, whatever the shards are."""

from collections.abc import Mapping, Sequence
from math import dist, log
from random import Random
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.sparse_vectors import body, drawn_rows, product, ranked

VOCABULARY = ["red", "fox", "sun", "jam", "owl", "elm"]
SPARSE_QUERY = {0: 0.5, 7: -1.0, 65_536: 2.0, 2**32 - 1: 0.25}
WORDS = "fox jam owl"
NEAR = [0.3, -0.2]
LISTS = {"vector": {"vector": NEAR}, "text": {"text": WORDS}, "sparse": {"sparse": body(SPARSE_QUERY)}}
PROBLEM = "urn:vectord:problem:request-invalid"

type Rows = dict[str, dict[str, Any]]


def drawn(count: int = 40, seed: int = 3, prefix: str = "r") -> Rows:
    """Return rows by id; texts and sparse vectors of some tie, and some have none."""
    random = Random(seed)
    return {
        vector_id: {
            "vector": [random.uniform(-1, 1), random.uniform(-1, 1)],
            "title": " ".join(random.choices(VOCABULARY, k=random.randint(0, 5))),
            "sparse": sparse,
            "n": at,
        }
        for at, (vector_id, (sparse, _, _)) in enumerate(drawn_rows(count, seed, prefix).items())
    }


ROWS = drawn()


def sent(vector_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    sparse = {"sparse": body(row["sparse"])} if row["sparse"] else {}
    metadata = {"n": row["n"], "title": row["title"]}
    return {"id": vector_id, "vector": row["vector"], "metadata": metadata, **sparse}


@pytest.fixture(params=[1, 4, 10], ids=["one blob", "4 shards", "10 shards"])
def held(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    fields = {"title": {"language": None}}
    created = ephemeral.create(
        sparse={"splade": {}}, text=fields, shards=request.param, distance="euclidean", embedding=None
    )
    assert created.status == 201, created.text
    for part in ([*ROWS][:15], [*ROWS][15:]):
        assert ephemeral.add(*(sent(i, ROWS[i]) for i in part)).status == 200
    return ephemeral


def search(api: Api, *names: str, **more: Any) -> Answer:
    request = {"k": 40}
    for name in names:
        request |= LISTS[name]
    return api.send("POST", "/indexes/t/search", {**request, **more})


def matches(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["matches"]
    return found


def relevances(rows: Rows, words: str = WORDS) -> dict[str, float]:
    """Return BM25 (k1 1.2, b 0.75) of the rows that have one of the words."""
    texts = {i: row["title"].split() for i, row in rows.items()}
    average = sum(map(len, texts.values())) / len(texts)
    found = dict[str, float]()
    for word in sorted(words.split()):
        having = [i for i, text in texts.items() if word in text]
        idf = log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
        for i in having:
            count, length = texts[i].count(word), len(texts[i])
            found[i] = found.get(i, 0.0) + idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))
    return found


def products(rows: Rows) -> dict[str, float]:
    shared = {i: row["sparse"] for i, row in rows.items() if row["sparse"].keys() & SPARSE_QUERY.keys()}
    return {i: product(sparse, SPARSE_QUERY) for i, sparse in shared.items()}


def listed(name: str, rows: Rows) -> list[str]:
    """Return one of the lists, the best first, by plain Python."""
    if name == "vector":
        return sorted(rows, key=lambda i: (dist(rows[i]["vector"], NEAR), i))
    if name == "sparse":
        return ranked(products(rows))
    rounded = {i: round(each, 12) for i, each in relevances(rows).items()}  # what ties must be equal here too
    return ranked(rounded)


def fused(names: Sequence[str], rows: Rows, candidates: int, weights: Mapping[str, float] = {}) -> dict[str, float]:
    scores = dict[str, float]()
    for name in names:
        for rank, i in enumerate(listed(name, rows)[:candidates], 1):
            scores[i] = scores.get(i, 0.0) + weights.get(name, 1.0) / (60 + rank)
    return scores


COMBINED = [("text", "sparse"), ("vector", "text", "sparse"), ("vector", "sparse"), ("vector", "text")]


@pytest.mark.parametrize("names", COMBINED, ids="+".join)
@pytest.mark.parametrize("weights", [{}, {"vector": 0.5, "text": 2, "sparse": 3}], ids=["equal", "weighted"])
def test_scores_are_those_of_the_formula(held: Api, names: Sequence[str], weights: dict[str, float]) -> None:
    weights = {name: each for name, each in weights.items() if name in names}
    fusion = {"candidates": 15, "weights": weights}
    found = matches(search(held, *names, k=15 * len(names), fusion=fusion))
    scores = fused(names, ROWS, 15, weights)
    assert [(each["id"], each["score"]) for each in found] == [(i, scores[i]) for i in ranked(scores)]


def test_a_match_has_the_numbers_of_all_lists(held: Api) -> None:
    words, sparse = relevances(ROWS), products(ROWS)
    found = matches(search(held, "vector", "text", "sparse"))
    assert len(found) == 40
    for each in found:
        assert each["distance"] == pytest.approx(dist(ROWS[each["id"]]["vector"], NEAR), abs=1e-6)
        assert each["relevance"] == pytest.approx(words.get(each["id"], 0.0))
        assert each["sparse_relevance"] == sparse.get(each["id"], 0.0)
    assert all("distance" not in each for each in matches(search(held, "text", "sparse")))
    assert all("sparse_relevance" not in each for each in matches(search(held, "vector", "sparse")))


def test_an_explanation_has_the_ranks_and_the_shares_of_all_lists(held: Api) -> None:
    names = ("vector", "text", "sparse")
    ranks = {name: {i: rank for rank, i in enumerate(listed(name, ROWS)[:20], 1)} for name in names}
    for each in matches(search(held, *names, k=60, fusion={"candidates": 20}, explain=True)):
        why = each["explanation"]
        assert {name: why.get(f"{name}_rank") for name in names} == {
            name: ranks[name].get(each["id"]) for name in names
        }
        assert sum(term["share"] for term in why["terms"]) == pytest.approx(each["relevance"])
        assert sum(share["share"] for share in why["indices"]) == each["sparse_relevance"]
        stored = ROWS[each["id"]]["sparse"]
        assert [share["index"] for share in why["indices"]] == sorted(stored.keys() & SPARSE_QUERY.keys())


def test_an_explanation_of_a_sparse_search_alone_has_its_shares(held: Api) -> None:
    found = matches(search(held, "sparse", explain=True))
    assert {i["id"]: i["relevance"] for i in found} == products(ROWS)
    for each in found:
        assert each["explanation"].keys() == {"terms", "indices"}
        assert sum(share["share"] for share in each["explanation"]["indices"]) == each["relevance"]
        assert all(
            share["share"] == SPARSE_QUERY[share["index"]] * share["value"] for share in each["explanation"]["indices"]
        )


def pages(api: Api, *names: str, between: Any = None, **more: Any) -> list[dict[str, Any]]:
    found, cursor = list[dict[str, Any]](), None
    while True:
        answer = search(api, *names, **more, k=4, after=cursor)
        found += matches(answer)
        cursor = answer.json["next"]
        if cursor is None:
            return found
        if between:
            between()


@pytest.mark.parametrize("names", COMBINED[:2], ids="+".join)
def test_pages_are_the_whole_list_once(held: Api, names: Sequence[str]) -> None:
    fusion = {"candidates": 12}
    whole = matches(search(held, *names, k=12 * len(names), fusion=fusion, explain=True))
    assert pages(held, *names, fusion=fusion, explain=True) == whole


@pytest.mark.parametrize("names", COMBINED[:2], ids="+".join)
def test_later_pages_keep_the_statistics_of_the_first_and_repeat_nothing(held: Api, names: Sequence[str]) -> None:
    others, words, added = drawn(20, 8, "s"), relevances(ROWS), list[str]()

    def change() -> None:
        vector_id = [*others][len(added)]
        added.append(vector_id)
        assert held.add(sent(vector_id, others[vector_id])).status == 200

    found = pages(held, *names, between=change, fusion={"candidates": 12})
    assert added
    assert len({each["id"] for each in found}) == len(found)
    old = [each for each in found if each["id"] in ROWS]
    assert [each["relevance"] for each in old] == pytest.approx([words.get(each["id"], 0.0) for each in old])


def test_a_filter_holds_for_all_lists(held: Api) -> None:
    few = {i: row for i, row in ROWS.items() if row["n"] % 2}
    found = matches(search(held, "vector", "text", "sparse", filter={"n": {"$in": [row["n"] for row in few.values()]}}))
    assert {each["id"] for each in found} == set(few)
    assert all(each["score"] <= 3 / 61 for each in found)


def test_a_least_relevance_is_that_of_the_words_and_a_greatest_distance_that_of_the_vector(held: Api) -> None:
    words = relevances(ROWS)
    found = matches(search(held, "text", "sparse", min_relevance=0.8))
    assert {each["id"] for each in found} == {i for i, each in words.items() if each >= 0.8}
    near = matches(search(held, "vector", "text", "sparse", max_distance=0.6))
    assert {each["id"] for each in near} == {i for i, row in ROWS.items() if dist(row["vector"], NEAR) <= 0.6}


def test_an_id_is_the_vector_and_no_match(held: Api) -> None:
    found = matches(search(held, "text", "sparse", id="r007", include=["vector"], highlight=True))
    assert "r007" not in {each["id"] for each in found}
    near = min((i for i in ROWS if i != "r007"), key=lambda i: dist(ROWS[i]["vector"], ROWS["r007"]["vector"]))
    assert min(found, key=lambda each: each["distance"])["id"] == near
    assert all(len(each["vector"]) == 2 and "metadata" not in each for each in found)
    assert any(each["highlights"] for each in found)


def test_words_that_are_not_there_leave_the_other_lists(held: Api) -> None:
    found = matches(search(held, "sparse", text="nowhere"))
    assert [each["id"] for each in found] == listed("sparse", ROWS)
    assert {each["relevance"] for each in found} == {0.0}


BAD: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (("text", "sparse"), {"vectors": [NEAR]}, "'text' cannot be combined with 'vectors'"),
    (("text", "sparse"), {"max_distance": 1}, "max_distance needs a vector or an id"),
    (("text", "sparse"), {"fusion": {"weights": {"vector": 1}}}, "fusion.weights.vector requires 'vector' or 'id'"),
    (("vector", "text"), {"fusion": {"weights": {"sparse": 1}}}, "fusion.weights.sparse requires 'sparse'"),
    (("vector", "sparse"), {"fusion": {"weights": {"text": 1}}}, "fusion.weights.text requires 'text'"),
    (("text", "sparse"), {"fusion": {"weights": {"text": 0}}}, "fusion.weights.text must be 1e-06 to 1,000,000, not 0"),
    (("text", "sparse"), {"fusion": {"weights": {"sparse": -1}}}, "fusion.weights.sparse must be"),
    (("text", "sparse"), {"fusion": {"weights": {"sparse": None}}}, "`fusion.weights.sparse`"),
    (("sparse",), {"fusion": {}}, "'fusion' requires a hybrid search"),
    (("text", "sparse"), {"k": 201}, "k must be at most 200, not 201: a hybrid search finds rows in two lists"),
    (("vector", "text", "sparse"), {"k": 301}, "k must be at most 300, not 301: a hybrid search finds rows in three"),
    (("text", "sparse"), {"sparse": {"name": "title", "indices": [1], "values": [1]}}, "sparse.name is 'title'"),
    (("text", "sparse"), {"sparse": {"indices": [1, 1], "values": [1, 2]}}, "sparse.indices has 1 more than once"),
    (("text", "sparse"), {"sparse": {"indices": [2**32], "values": [1]}}, "sparse.indices[0] must be an integer"),
    (("text", "sparse"), {"sparse": {"indices": [1, 2], "values": [1]}}, "sparse has 2 indices and 1 values"),
    (("text", "sparse"), {"sparse": {"indices": [], "values": []}}, "sparse.indices must be 1 to 4,096, not 0"),
    (("text", "sparse"), {"sparse": {"indices": [1], "values": [1e39]}}, "sparse.values[0] must be finite"),
    (("text", "sparse"), {"text": {"query": "a", "fields": ["splade"]}}, "text.fields has 'splade'"),
    (("text", "sparse"), {"text": "!"}, "text.query has no words"),
    (
        ("text", "sparse"),
        {"explain": True, "fusion": {"candidates": 1000}, "sparse": body(dict.fromkeys(range(51), 1))},
        "explain may have 100,000 shares of indices, and 2,000 rows of 51 indices",
    ),
]


@pytest.mark.parametrize(("names", "more", "detail"), BAD)
@pytest.mark.parametrize("held", [1, 4], indirect=True)
def test_a_search_that_is_not_valid_is_refused_with_its_place(
    held: Api, names: Sequence[str], more: dict[str, Any], detail: str
) -> None:
    answer = search(held, *names, **more)
    assert (answer.status, answer.json.get("type")) == (422, PROBLEM)
    assert detail in answer.json["detail"]


@pytest.mark.parametrize("other", [{"text": "fox"}, {"sparse": body({0: 1.0})}, {"fusion": {"weights": {"text": 2}}}])
def test_a_cursor_belongs_to_its_words_sparse_vector_and_weights(held: Api, other: dict[str, Any]) -> None:
    cursor = search(held, "text", "sparse", k=2).json["next"]
    answer = search(held, "text", "sparse", k=2, after=cursor, **other)
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:cursor-invalid")
