"""Search over HTTP: the options of a request, and what a result states about its plan and cost."""

from typing import Any

import pytest

from tests.support.api import Answer, Api

MOVIES = {
    "alien": ([0.9, 0.1], {"year": 1979, "genre": ["horror", "scifi"], "by": {"name": "Scott"}}),
    "aliens": ([0.8, 0.2], {"year": 1986, "genre": ["action", "scifi"], "by": {"name": "Cameron"}}),
    "heat": ([0.1, 0.9], {"year": 1995, "genre": ["crime"], "by": {"name": "Mann"}}),
    "thief": ([0.2, 0.8], {"year": 1981, "genre": ["crime"], "by": {"name": "Mann"}}),
    "silent": ([0.5, 0.5], None),
}


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(shards=request.param)
    ephemeral.add(*({"id": name, "vector": vector, "metadata": data} for name, (vector, data) in MOVIES.items()))
    return ephemeral


@pytest.fixture
def plain(ephemeral: Api) -> Api:
    ephemeral.create()
    ephemeral.add(*({"id": name, "vector": vector, "metadata": data} for name, (vector, data) in MOVIES.items()))
    return ephemeral


def _search(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/search", body)


def _ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [match["id"] for match in answer.json["matches"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"year": {"$gt": 1980}}, ["aliens", "thief", "heat"]),
        ({"genre": "scifi"}, ["alien", "aliens"]),
        ({"by.name": {"$prefix": "M"}}, ["thief", "heat"]),
        ({"year": {"$exists": False}}, ["silent"]),
        ({"$or": [{"year": 1979}, {"by.name": {"$glob": "*ann"}}]}, ["alien", "thief", "heat"]),
        ({"genre": "western"}, []),
    ],
)
def test_a_filter_keeps_matching_vectors(api: Api, wanted: Any, found: list[str]) -> None:
    answer = _search(api, vector=[1, 0], filter=wanted)
    assert _ids(answer) == found
    assert answer.json["eligible"] == len(found)
    assert answer.json["count"] == len(MOVIES)


def test_a_glob_sees_the_first_65_536_characters_of_a_text(api: Api) -> None:
    api.add({"id": "long", "vector": [1, 0], "metadata": {"text": "a" * 65_535 + "bc"}})
    assert _ids(_search(api, vector=[1, 0], filter={"text": {"$glob": "a*[b]"}})) == ["long"]
    assert _ids(_search(api, vector=[1, 0], filter={"text": {"$glob": "*c"}})) == []
    assert "long" in _ids(_search(api, vector=[1, 0], filter={"text": {"$not": {"$glob": "*c*"}}}))


def test_an_invalid_filter_is_refused_with_its_path(api: Api) -> None:
    answer = _search(api, vector=[1, 0], filter={"$and": [{"year": 1}, {"year": {"$gtt": 5}}]})
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:filter-invalid")
    assert "filter.$and[1].year.$gtt" in answer.json["detail"]


def test_a_search_by_id_leaves_out_that_vector(api: Api) -> None:
    assert _ids(_search(api, id="alien", k=2)) == ["aliens", "silent"]


def test_a_search_by_an_absent_id_is_not_found(api: Api) -> None:
    answer = _search(api, id="absent")
    assert (answer.status, answer.json["type"]) == (404, "urn:vectord:problem:vector-not-found")


def test_results_are_in_the_order_of_the_queries(api: Api) -> None:
    answer = _search(api, vectors=[[1, 0], [0, 1]], k=1, filter={"year": {"$exists": True}})
    assert [[match["id"] for match in one["matches"]] for one in answer.json["results"]] == [["alien"], ["heat"]]
    assert "next" not in answer.json


@pytest.mark.parametrize("queries", [[], [[1, 0]] * 101])
def test_a_search_accepts_1_to_100_queries(api: Api, queries: list[list[float]]) -> None:
    assert _search(api, vectors=queries).status == 422


@pytest.mark.parametrize("body", [{}, {"vector": [1, 0], "id": "alien"}, {"vector": [1, 0], "vectors": [[1, 0]]}])
def test_a_search_accepts_one_kind_of_query(api: Api, body: Any) -> None:
    answer = _search(api, **body)
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:request-invalid")


def test_matches_farther_than_max_distance_are_left_out(api: Api) -> None:
    everything = _search(api, vector=[1, 0]).json["matches"]
    assert _ids(_search(api, vector=[1, 0], max_distance=everything[1]["distance"])) == ["alien", "aliens"]
    assert _ids(_search(api, vector=[1, 0], max_distance=0)) == []
    assert _search(api, vector=[1, 0], max_distance=-1).status == 422


def test_pages_together_are_the_whole_result(api: Api) -> None:
    whole = _search(api, vector=[1, 0], recall=1).json["matches"]
    pages: list[Any] = []
    after = None
    while True:
        page = _search(api, vector=[1, 0], recall=1, k=2, **({"after": after} if after else {})).json
        pages += page["matches"]
        after = page["next"]
        if after is None:
            break
    assert pages == whole


@pytest.mark.parametrize(
    "others", [{"vector": [0, 1]}, {"filter": {"year": 1979}}, {"max_distance": 1}, {"after": "garbage"}]
)
def test_a_cursor_of_another_search_is_refused(api: Api, others: Any) -> None:
    after = _search(api, vector=[1, 0], k=2).json["next"]
    answer = _search(api, **{"vector": [1, 0], "k": 2, "after": after, **others})
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:cursor-invalid")


def test_a_search_cursor_of_another_index_is_refused(plain: Api) -> None:
    after = _search(plain, vector=[1, 0], k=2).json["next"]
    plain.create("other")
    answer = plain.send("POST", "/indexes/other/search", {"vector": [1, 0], "k": 2, "after": after})
    assert answer.json["type"] == "urn:vectord:problem:cursor-invalid"


def test_several_queries_have_no_pages(api: Api) -> None:
    after = _search(api, vector=[1, 0], k=2).json["next"]
    assert _search(api, vectors=[[1, 0]], k=2, after=after).status == 422


@pytest.mark.parametrize(
    ("include", "shown"),
    [
        ([], {"id", "distance"}),
        (["distance"], {"id", "distance"}),
        (["vector"], {"id", "distance", "vector"}),
        (["vector", "metadata", "distance"], {"id", "distance", "vector", "metadata"}),
    ],
)
def test_a_match_has_the_included_fields(api: Api, include: list[str], shown: set[str]) -> None:
    assert _search(api, vector=[1, 0], k=1, include=include).json["matches"][0].keys() == shown


def test_a_result_states_its_plan_and_cost(plain: Api) -> None:
    answer = _search(plain, vector=[1, 0], filter={"year": {"$gt": 1980}}).json
    assert (answer["strategy"], answer["plan"]) == ("exact", "local")
    assert 0 < answer["examined"] <= len(MOVIES)
    assert answer["milliseconds"] >= 0


def test_a_warmed_index_is_not_read_again(on_s3: Api) -> None:
    on_s3.create()
    on_s3.add({"id": "a", "vector": [1, 0]})
    cold = Api()
    warmed = cold.send("POST", "/indexes/t/warm")
    assert (warmed.status, warmed.json["bytes"]) == (200, on_s3.send("GET", "/indexes/t").json["bytes"])
    assert warmed.json["bytes_read"] > 0
    assert cold.search([1, 0]).json["bytes_read"] == 0


def test_a_sharded_index_cannot_be_warmed(ephemeral: Api) -> None:
    ephemeral.create(shards=2)
    assert ephemeral.send("POST", "/indexes/t/warm").status == 422


class TestRecall:
    """POST /indexes/{name}/recall."""

    def test_stored_vectors_are_sampled(self, plain: Api) -> None:
        answer = plain.send("POST", "/indexes/t/recall", {"sample": 3, "k": 2})
        assert (answer.status, answer.etag) == (200, plain.send("GET", "/indexes/t").etag)
        measured = answer.json
        assert (measured["recall"], measured["queries"], measured["k"], measured["count"]) == (1.0, 3, 2, 5)
        assert measured["strategies"] == ["exact"]
        assert measured["milliseconds"].keys() == measured["exact_milliseconds"].keys() == {"p50", "p99"}
        assert measured["calibration"] == {}

    def test_a_body_is_not_needed(self, plain: Api) -> None:
        assert plain.send("POST", "/indexes/t/recall").json["queries"] == 5

    def test_queries_and_a_filter_may_be_given(self, plain: Api) -> None:
        body = {"vectors": [[1, 0], [0, 1]], "filter": {"genre": "scifi"}}
        assert plain.send("POST", "/indexes/t/recall", body).json["queries"] == 2

    @pytest.mark.parametrize(
        "body",
        [{"sample": 0}, {"sample": 501}, {"vectors": []}, {"vectors": [[1]]}, {"k": 0}, {"recall": 0.1}, {"filter": 1}],
    )
    def test_values_out_of_range_are_refused(self, plain: Api, body: Any) -> None:
        assert plain.send("POST", "/indexes/t/recall", body).status == 422

    def test_an_empty_index_has_no_recall(self, ephemeral: Api) -> None:
        ephemeral.create()
        measured = ephemeral.send("POST", "/indexes/t/recall", {}).json
        assert (measured["recall"], measured["queries"], measured["milliseconds"]) == (None, 0, {})

    def test_a_sharded_index_is_refused(self, ephemeral: Api) -> None:
        ephemeral.create(shards=2)
        answer = ephemeral.send("POST", "/indexes/t/recall", {})
        assert answer.status == 422
        assert "recall of 1" in answer.json["detail"]


def test_no_log_line_contains_a_filter(plain: Api, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    _search(plain, vector=[1, 0], filter={"by.name": "Secret"})
    assert "Secret" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "reason"), [([1.0], "components"), ("####", "base64"), ([0.0, 0.0], "zero"), ([1e39, 0.0], "finite")]
)
def test_a_wrong_query_among_several_is_named(api: Api, wrong: Any, reason: str) -> None:
    answer = api.send("POST", "/indexes/t/search", {"vectors": [[1, 0], [0, 1], wrong]})
    assert answer.status == 422
    assert answer.json["detail"].startswith("vectors[2]: ")
    assert reason in answer.json["detail"]


@pytest.mark.parametrize("text", ["", "x", '{"a":', '{"a": NaN}', '{"a": "\\ud800"}', "\ufeff{}"])
def test_a_filter_in_a_query_string_that_is_not_json_is_filter_invalid(api: Api, text: str) -> None:
    answer = api.send("GET", "/indexes/t/vectors", query={"filter": text})
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:filter-invalid")
    assert answer.json["detail"].startswith("filter in the query string ")


@pytest.mark.parametrize("filter_", ['{"a": 1, "a": 2}', '{"a": {"$gt": 1, "$gt": 2}}', '{"a": "x:y", "a": 1}'])
def test_a_filter_with_a_key_twice_is_refused(api: Api, filter_: str) -> None:
    answer = api.send("POST", "/indexes/t/vectors/count", f'{{"filter": {filter_}}}')
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:filter-invalid")
    assert "more than once" in answer.json["detail"]


def test_a_metadata_key_that_starts_with_a_dollar_sign_can_be_used_in_a_filter(api: Api) -> None:
    keys = ["$price", "$eq", "\\$x", "\\\\$x", "a.$b"]
    api.add(*({"id": key, "vector": [1, 0], "metadata": {key: 1}} for key in keys))
    for key in keys:
        path = f"\\{key}" if key.lstrip("\\").startswith("$") else key
        found = api.send("POST", "/indexes/t/search", {"vector": [1, 0], "filter": {path: 1}}).json["matches"]
        assert [match["id"] for match in found] == [key]


def test_an_operator_in_the_place_of_a_path_names_the_escape(api: Api) -> None:
    detail = api.send("POST", "/indexes/t/vectors/count", {"filter": {"$price": 1}}).json["detail"]
    assert r'"\\$key"' in detail
