"""Sparse vectors over HTTP: declared, stored in the metadata, searched alone and with a vector, kept by every copy."""

from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.sparse_vectors import body, drawn_rows, product, ranked

PROBLEM = "urn:vectord:problem:"
SPARSE: dict[str, Any] = {"splade": {}}
ROWS = {i: row[0] for i, row in drawn_rows(25, 5).items()}
QUERY = {0: 0.5, 7: -1.0, 65_536: 2.0, 2**32 - 1: 0.25}
EXPECTED = {i: product(row, QUERY) for i, row in ROWS.items() if row.keys() & QUERY.keys()}


def added(vector_id: str, sparse: dict[int, float], **more: Any) -> dict[str, Any]:
    metadata = {"n": len(sparse), **({"splade": body(sparse)} if sparse else {}), **more}
    number = int(vector_id[1:])
    return {"id": vector_id, "vector": [number + 1, 25 - number], "metadata": metadata}


@pytest.fixture(params=[1, 4, 10], ids=["one blob", "4 shards", "10 shards"])
def held(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    created = ephemeral.create(sparse=SPARSE, text={"title": {}}, shards=request.param)
    assert created.status == 201, created.text
    for part in ([*ROWS][:12], [*ROWS][12:]):
        assert ephemeral.add(*(added(i, ROWS[i], title="red fox") for i in part)).status == 200
    return ephemeral


def search(api: Api, sparse: dict[int, float] | None = None, **more: Any) -> Answer:
    return send(api, {"sparse": body(QUERY if sparse is None else sparse), **more})


def send(api: Api, request: dict[str, Any]) -> Answer:
    return api.send("POST", "/indexes/t/search", {"k": 100, **request})


def found(answer: Answer) -> list[tuple[str, float]]:
    assert answer.status == 200, answer.text
    return [(match["id"], match["relevance"]) for match in answer.json["matches"]]


def in_order(expected: dict[str, float]) -> list[tuple[str, float]]:
    return [(i, expected[i]) for i in ranked(expected)]


def test_matches_are_exact_whatever_the_number_of_shards(held: Api) -> None:
    answer = search(held)
    assert found(answer) == in_order(EXPECTED)
    assert all(set(match) == {"id", "metadata", "relevance"} for match in answer.json["matches"])
    named = {"k": 100, "sparse": {"name": "splade", **body(QUERY)}}
    assert found(held.send("POST", "/indexes/t/search", named)) == in_order(EXPECTED)


def test_a_filter_and_a_least_relevance_leave_matches_out(held: Api) -> None:
    few = {i: each for i, each in EXPECTED.items() if len(ROWS[i]) >= 4}
    assert found(search(held, filter={"n": {"$gte": 4}})) == in_order(few)
    positive = {i: each for i, each in EXPECTED.items() if each >= 0.5}
    assert found(search(held, min_relevance=0.5)) == in_order(positive)


def test_a_least_relevance_of_0_leaves_out_what_is_negative(held: Api) -> None:
    assert min(EXPECTED.values()) < 0
    assert found(search(held, min_relevance=0)) == in_order({i: each for i, each in EXPECTED.items() if each >= 0})
    hybrid = dict(found(search(held, vector=[1, 2], min_relevance=0)))
    assert hybrid == {i: EXPECTED.get(i, 0.0) for i in ROWS if EXPECTED.get(i, 0.0) >= 0}


@pytest.mark.parametrize("more", [{}, {"vector": [1, 2], "fusion": {"candidates": 12}}], ids=["sparse", "hybrid"])
def test_pages_are_the_whole_list_once(held: Api, more: dict[str, Any]) -> None:
    whole = [match["id"] for match in search(held, **{**more, "k": 24}).json["matches"]]
    paged, cursor = list[str](), None
    while True:
        answer = search(held, **more, k=5, after=cursor)
        assert answer.status == 200, answer.text
        paged += [match["id"] for match in answer.json["matches"]]
        cursor = answer.json["next"]
        if cursor is None:
            break
    assert paged == whole


def test_a_cursor_belongs_to_its_sparse_vector(held: Api) -> None:
    cursor = search(held, k=2).json["next"]
    answer = search(held, {0: 0.75}, k=2, after=cursor)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}cursor-invalid")


def test_a_hybrid_search_joins_the_ranks_of_both_lists(held: Api) -> None:
    near = [match["id"] for match in held.search([1, 2], k=100).json["matches"]]
    scores = dict[str, float]()
    for listed, weight in ((near, 2.0), (ranked(EXPECTED), 0.5)):
        for rank, vector_id in enumerate(listed[:12], 1):
            scores[vector_id] = scores.get(vector_id, 0.0) + weight / (60 + rank)
    fusion = {"candidates": 12, "weights": {"vector": 2, "sparse": 0.5}}
    matches = search(held, vector=[1, 2], k=24, fusion=fusion, explain=True).json["matches"]
    assert [(match["id"], match["score"]) for match in matches] == in_order(scores)
    for match in matches:
        assert match["relevance"] == EXPECTED.get(match["id"], 0.0)
        ranks = match["explanation"]
        assert ranks.get("sparse_rank") == next(
            (n for n, i in enumerate(ranked(EXPECTED)[:12], 1) if i == match["id"]), None
        )
        assert ("vector_rank" in ranks, "text_rank" in ranks) == (match["id"] in near[:12], False)


def test_an_id_may_be_the_vector_of_a_hybrid_search(held: Api) -> None:
    answer = search(held, id="r001", k=5)
    assert "r001" not in [match["id"] for match in answer.json["matches"]]
    assert {"distance", "relevance", "score"} <= answer.json["matches"][0].keys()


def test_the_description_shows_the_names(held: Api) -> None:
    shown = held.send("GET", "/indexes/t").json["index"]
    assert (shown["sparse"], [*shown["text"]]) == ({"splade": {"searchable": True}}, ["title"])


def test_a_change_of_metadata_changes_the_sparse_vector(held: Api) -> None:
    patch = {"ids": ["r001"], "metadata": {"splade": {"indices": [99], "values": [4]}}}
    assert held.send("PATCH", "/indexes/t/vectors", patch).status == 200
    assert found(search(held, {99: 0.5})) == [("r001", 2.0)]
    assert held.send("PATCH", "/indexes/t/vectors", {"ids": ["r001"], "metadata": {"splade": None}}).status == 200
    held.delete("r002")
    left = {i: each for i, each in EXPECTED.items() if i not in {"r001", "r002"}}
    assert (found(search(held, {99: 0.5})), found(search(held))) == ([], in_order(left))


BAD = [
    ({"indices": [1, 1], "values": [1, 2]}, "metadata.splade.indices has 1 more than once"),
    ({"indices": [1], "values": [0]}, "metadata.splade.values[0] must be finite and not 0 as float32"),
    ({"indices": [2**32], "values": [1]}, "metadata.splade.indices[0] must be an integer from 0 to 4,294,967,295"),
    ([1, 2], "metadata.splade must be an object with exactly 'indices' and 'values'"),
]


@pytest.mark.parametrize(("value", "reason"), BAD)
def test_an_add_with_another_value_changes_nothing(held: Api, value: Any, reason: str) -> None:
    etag = held.send("GET", "/indexes/t").etag
    answer = held.add(added("r001", {5: 1.0}), {"id": "x", "vector": [1, 2], "metadata": {"splade": value}})
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}batch-invalid")
    assert answer.json["errors"] == [{"position": 1, "id": "x", "reason": reason}]
    assert held.send("GET", "/indexes/t").etag == etag


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_patch_to_another_value_changes_nothing(held: Api, mode: str) -> None:
    etag = held.send("GET", "/indexes/t").etag
    patch = {"ids": ["r001"], "metadata": {"splade": {"indices": [1], "values": ["2"]}}, "mode": mode}
    answer = held.send("PATCH", "/indexes/t/vectors", patch)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "'r001' metadata.splade.values[0] must be a number" in answer.json["detail"]
    assert held.send("GET", "/indexes/t").etag == etag


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"vectors": [[1, 2]]}, "'sparse' cannot be combined with 'vectors'"),
        ({"fusion": {}}, "'fusion' requires a hybrid search"),
        (
            {"explain": True, "k": 10_000, "sparse": body(dict.fromkeys(range(11), 1.0))},
            "explain may have 100,000 shares",
        ),
        ({"vector": [1, 2], "fusion": {"weights": {"text": 2}}}, "fusion.weights.text requires 'text'"),
        ({"max_distance": 1}, "max_distance needs a vector or an id"),
        ({"min_relevance": -1}, "min_relevance"),
        ({"sparse": {"indices": [1]}}, "`values`"),
        ({"sparse": {"indices": [1], "values": [1], "more": 1}}, "`more`"),
        ({"sparse": {"indices": [-1], "values": [1]}}, "sparse.indices[0] must be an integer"),
        ({"sparse": {"indices": [1, 1], "values": [1, 1]}}, "sparse.indices has 1 more than once"),
        ({"sparse": {"indices": [], "values": []}}, "sparse.indices must be 1 to 4,096, not 0"),
        ({"sparse": {"indices": [*range(200_000)], "values": [1]}}, "sparse is too long"),
        ({"sparse": {"name": "title", "indices": [1], "values": [1]}}, "sparse.name is 'title'"),
        ({"vector": [1, 2], "fusion": {"weights": {"sparse": 0}}}, "fusion.weights.sparse"),
    ],
)
@pytest.mark.parametrize("held", [1, 4], indirect=True)
def test_a_search_that_is_not_valid_is_refused(held: Api, more: dict[str, Any], detail: str) -> None:
    answer = send(held, {"sparse": body(QUERY), **more})
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert detail in answer.json["detail"]


def test_a_member_that_occurs_twice_is_refused(ephemeral: Api) -> None:
    ephemeral.create(sparse=SPARSE)
    answer = ephemeral.send("POST", "/indexes/t/search", '{"sparse": {"indices": [1], "indices": [2], "values": [1]}}')
    assert (answer.status, "more than once" in answer.json["detail"]) == (422, True)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("declared", "detail"),
    [
        ({"sparse": {}}, "sparse must have 1 to 4 names, not 0"),
        ({"sparse": {str(n): {} for n in range(5)}}, "sparse must have 1 to 4 names, not 5"),
        ({"sparse": {"": {}}}, "the name of sparse vectors must be 1 to 1,024"),
        ({"sparse": {"a": {"more": 1}}}, "`more`"),
        ({"sparse": {"a": {}}, "text": {"a": {}}}, "text and sparse both have 'a'"),
        ({"text": {"a": {"sparse": True}}}, "`sparse`"),
    ],
)
def test_names_that_are_not_valid_create_nothing(ephemeral: Api, shards: int, declared: Any, detail: str) -> None:
    answer = ephemeral.create(shards=shards, **declared)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert detail in answer.json["detail"]
    assert ephemeral.send("GET", "/indexes").json["indexes"] == []


def declare(api: Api, **declared: Any) -> Answer:
    return api.send("PATCH", "/indexes/t", declared)


@pytest.mark.parametrize("shards", [1, 3])
def test_names_may_be_declared_later_and_leave_the_texts_as_they_are(api: Api, shards: int) -> None:
    api.create(text={"title": {}}, shards=shards)
    api.add(*(added(i, row, title="red fox") for i, row in ROWS.items()))
    assert search(api).status == 422
    declared = declare(api, sparse=SPARSE)
    assert (declared.status, declared.json["index"]["sparse"]) == (200, {"splade": {"searchable": True}})
    assert [*declared.json["index"]["text"]] == ["title"]
    assert found(search(api)) == in_order(EXPECTED)
    assert declare(api, sparse=SPARSE).etag == declared.etag
    assert "text" not in declare(api, text=None).json["index"]
    assert found(search(api)) == in_order(EXPECTED)
    assert "sparse" not in declare(api, sparse=None).json["index"]
    assert search(api).status == 422


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("declared", [{}, {"sparse": {}}, {"sparse": {"title": {}}}, {"sparse": {"a": 1}}])
def test_a_declaration_that_is_not_valid_changes_nothing(ephemeral: Api, shards: int, declared: Any) -> None:
    etag = ephemeral.create(text={"title": {}}, shards=shards).etag
    answer = declare(ephemeral, **declared)
    assert (answer.status, ephemeral.send("GET", "/indexes/t").etag) == (422, etag)


def test_copies_and_earlier_versions_keep_sparse_vectors(api_with_versions: Api) -> None:
    api = api_with_versions
    api.create(sparse=SPARSE)
    before = api.add(*(added(i, row) for i, row in ROWS.items())).etag
    api.delete("r001")
    assert found(search(api, as_of=before)) == in_order(EXPECTED)
    assert api.send("POST", "/indexes/t/copy", {"to": "u", "as_of": before}).status == 201
    copied = api.send("POST", "/indexes/u/search", {"k": 100, "sparse": body(QUERY)})
    assert found(copied) == in_order(EXPECTED)
    stored = api.get("r003")["metadata"]
    assert stored == added("r003", ROWS["r003"])["metadata"]


def test_a_filter_may_look_into_a_sparse_vector(held: Api) -> None:
    having = sorted(i for i, row in ROWS.items() if 255 in row)
    answer = held.send("POST", "/indexes/t/vectors/count", {"filter": {"splade.indices": 255}})
    assert (answer.status, answer.json["count"]) == (200, len(having))


def test_an_index_without_names_takes_such_metadata_as_it_is(ephemeral: Api) -> None:
    ephemeral.create()
    assert ephemeral.add({"id": "a", "vector": [1, 2], "metadata": {"splade": [1, 2]}}).status == 200
    answer = search(ephemeral)
    assert (answer.status, "declares no sparse vectors" in answer.json["detail"]) == (422, True)
    assert "sparse" not in ephemeral.send("GET", "/indexes/t").json["index"]
