"""Every route of the API through the real handlers: statuses, headers and bodies as docs/api.md has them."""

import base64
import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import Answer, Api

PARAMS = {"name": "t", "dimension": 2, "m": 16, "ef_search": 20, "distance": "cosine"}
A = {"id": "a", "vector": [1, 0], "metadata": {"colour": "red"}}
B = {"id": "b", "vector": [0, 1]}


def fill(api: Api) -> Api:
    assert api.create().status == 201
    assert api.add(A, B).status == 200
    return api


@pytest.fixture
def filled(api: Api) -> Api:
    """An API with the index `t` of `a`, which has metadata, and `b`, which has none."""
    return fill(api)


@pytest.fixture
def scratch(ephemeral: Api) -> Api:
    """The same where it does not matter what the store is."""
    return fill(ephemeral)


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    assert set(answer.json) <= {"type", "title", "status", "detail", "errors", "errors_omitted"}
    assert not [word for word in ("vectord-test", "s3:", "boto", "Traceback", "msgspec") if word in answer.text]
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")


class TestCreate:
    def test_returns_parameters_etag_and_location(self, api: Api) -> None:
        answer = api.create()
        assert (answer.status, answer.json) == (201, {"index": PARAMS, "count": 0})
        assert answer.headers["Location"] == "/indexes/t"
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.etag == api.send("GET", "/indexes/t").etag

    def test_keeps_given_parameters(self, api: Api) -> None:
        answer = api.create("other", 5, distance="euclidean", m=4, ef_search=50)
        expected = {"name": "other", "dimension": 5, "m": 4, "ef_search": 50, "distance": "euclidean"}
        assert answer.json["index"] == expected

    def test_treats_null_zero_and_negative_numbers_as_defaults(self, api: Api) -> None:
        assert api.create(m=None, ef_search=-1, distance="").json["index"] == PARAMS

    def test_of_an_existing_name_is_a_conflict_and_changes_nothing(self, filled: Api) -> None:
        assert problem(filled.create(dimension=9)) == (409, "index-exists")
        assert filled.send("GET", "/indexes/t").json["count"] == 2

    @pytest.mark.parametrize(
        "body",
        [
            {"name": ".t", "dimension": 2},
            {"name": "a/b", "dimension": 2},
            {"name": "t", "dimension": 0},
            {"name": "t", "dimension": 4_097},
            {"name": "t", "dimension": "4"},
            {"name": "t", "dimension": True},
            {"name": "t", "dimension": 2, "distance": "dot"},
            {"name": "t", "dimension": 2, "shards": 1_001},
        ],
    )
    def test_with_an_invalid_body_is_refused(self, scratch: Api, body: dict[str, Any]) -> None:
        assert problem(scratch.send("POST", "/indexes", body)) == (422, "request-invalid")


class TestList:
    def test_lists_name_size_and_modification_time(self, filled: Api) -> None:
        answer = filled.send("GET", "/indexes")
        (shown,) = answer.json["indexes"]
        assert (answer.status, answer.json["next"]) == (200, None)
        assert set(shown) == {"name", "bytes", "modified"}
        assert (shown["name"], shown["bytes"]) == ("t", filled.send("GET", "/indexes/t").json["bytes"])
        modified = datetime.fromisoformat(shown["modified"])
        assert abs(modified - datetime.now(UTC)) < timedelta(minutes=1)

    def test_without_indexes_is_empty(self, api: Api) -> None:
        assert api.send("GET", "/indexes").json == {"indexes": [], "next": None}

    def test_pages_list_each_index_once(self, api: Api) -> None:
        names = [f"{letter}{i}" for letter in "ab" for i in range(3)]
        for name in names:
            api.create(name)
        seen: list[str] = []
        query = {"limit": "2", "prefix": "b"}
        for pages in (2, 1):
            page = api.send("GET", "/indexes", query=query).json
            seen += [shown["name"] for shown in page["indexes"]]
            query["cursor"] = page["next"]
            assert (page["next"] is None) == (pages == 1)
        assert sorted(seen) == ["b0", "b1", "b2"]

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"page": "2"}])
    def test_with_an_invalid_parameter_is_refused(self, scratch: Api, query: dict[str, str]) -> None:
        assert problem(scratch.send("GET", "/indexes", query=query)) == (422, "request-invalid")

    def test_with_a_forged_cursor_is_refused(self, scratch: Api) -> None:
        assert problem(scratch.send("GET", "/indexes", query={"cursor": "?"})) == (422, "cursor-invalid")


class TestDescribe:
    def test_returns_parameters_counts_graph_size_and_calibration(self, filled: Api) -> None:
        answer = filled.send("GET", "/indexes/t")
        graph = answer.json["graph"]
        assert answer.status == 200
        body = answer.json
        assert (body["index"], body["count"]) == (PARAMS, 2)
        assert body["bytes"] > graph["bytes"] > 0
        assert set(body) == {"index", "count", "bytes", "graph", "calibration"}
        assert body["calibration"] == {}  # two rows are scanned


class TestDeleteIndex:
    def test_returns_204_and_removes_the_index(self, filled: Api) -> None:
        answer = filled.send("DELETE", "/indexes/t")
        assert (answer.status, answer.text) == (204, "")
        assert problem(filled.send("GET", "/indexes/t")) == (404, "index-not-found")

    def test_allows_a_new_empty_index_of_the_same_name(self, filled: Api) -> None:
        filled.send("DELETE", "/indexes/t")
        assert filled.create(dimension=3).json["count"] == 0
        assert filled.search([1, 0, 0]).json["matches"] == []


class TestAdd:
    def test_returns_how_many_were_added_and_replaced(self, filled: Api) -> None:
        answer = filled.add(B, {"id": "c", "vector": [1, 1]})
        assert (answer.status, answer.json) == (200, {"added": 1, "replaced": 1, "count": 3})
        assert answer.etag == filled.send("GET", "/indexes/t").etag

    def test_accepts_base64_of_float32(self, filled: Api) -> None:
        packed = base64.b64encode(struct.pack("<2f", 0.1, -0.0)).decode()
        assert filled.add({"id": "c", "vector": packed}).status == 200
        stored = filled.send("GET", "/indexes/t/vectors/c").json["vector"]
        assert struct.pack("<2f", *stored) == struct.pack("<2f", 0.1, -0.0)

    def test_with_bad_items_lists_each_and_changes_nothing(self, filled: Api) -> None:
        before = filled.send("GET", "/indexes/t").etag
        bad = [{"id": "c", "vector": [1, 1e39]}, {"id": 7, "vector": [1, 1]}, {"id": "e", "vector": [0, 0]}]
        answer = filled.add({"id": "good", "vector": [1, 1]}, *bad)
        assert problem(answer) == (422, "batch-invalid")
        assert [(item["position"], item["id"]) for item in answer.json["errors"]] == [(1, "c"), (2, None), (3, "e")]
        assert all(item["reason"] for item in answer.json["errors"])
        assert filled.send("GET", "/indexes/t").etag == before

    @pytest.mark.parametrize("body", ["", "{", "hello", '{"vectors":[{"id":"a","vector":[NaN,1]}]}', '"\\ud800"'])
    def test_with_a_body_that_is_not_json_is_malformed(self, scratch: Api, body: str) -> None:
        assert problem(scratch.send("POST", "/indexes/t/vectors", body)) == (400, "malformed-json")

    def test_of_an_empty_batch_is_refused(self, filled: Api) -> None:
        assert problem(filled.add()) == (422, "request-invalid")

    def test_above_the_request_limit_is_too_large(self, scratch: Api) -> None:
        assert problem(scratch.add({"id": "x" * 6_300_000, "vector": [1, 0]})) == (413, "request-too-large")


class TestLookup:
    def test_returns_vector_and_metadata(self, filled: Api) -> None:
        answer = filled.send("GET", "/indexes/t/vectors/a")
        assert (answer.status, answer.json) == (200, {"id": "a", "vector": [1, 0], "metadata": {"colour": "red"}})
        assert filled.send("GET", "/indexes/t/vectors/b").json["metadata"] is None

    def test_accepts_eventual_consistency(self, filled: Api) -> None:
        query = {"consistency": "eventual", "max_staleness": "0.5"}
        assert filled.send("GET", "/indexes/t/vectors/a", query=query).json["id"] == "a"

    def test_with_an_unknown_consistency_is_refused(self, filled: Api) -> None:
        answer = filled.send("GET", "/indexes/t/vectors/a", query={"consistency": "weak"})
        assert problem(answer) == (422, "request-invalid")

    def test_of_an_absent_vector_is_not_found(self, filled: Api) -> None:
        assert problem(filled.send("GET", "/indexes/t/vectors/x")) == (404, "vector-not-found")


class TestDeleteVectors:
    def test_by_path_deletes_one(self, filled: Api) -> None:
        answer = filled.send("DELETE", "/indexes/t/vectors/a")
        assert (answer.status, answer.json) == (200, {"deleted": 1, "count": 1})
        assert answer.etag == filled.send("GET", "/indexes/t").etag

    def test_by_path_of_an_absent_id_is_not_found(self, filled: Api) -> None:
        assert problem(filled.send("DELETE", "/indexes/t/vectors/x")) == (404, "vector-not-found")

    def test_by_ids_ignores_absent_ids(self, filled: Api) -> None:
        answer = filled.send("POST", "/indexes/t/vectors/delete", {"ids": ["a", "x", "b", "a"]})
        assert (answer.status, answer.json) == (200, {"deleted": 2, "count": 0})

    @pytest.mark.parametrize(("ids", "kind"), [([], "request-invalid"), (["a", 7], "batch-invalid")])
    def test_by_an_invalid_list_of_ids_is_refused(self, scratch: Api, ids: list[Any], kind: str) -> None:
        assert problem(scratch.send("POST", "/indexes/t/vectors/delete", {"ids": ids})) == (422, kind)
        assert scratch.send("GET", "/indexes/t").json["count"] == 2


class TestSearch:
    def test_returns_matches_with_metadata_count_and_plan(self, filled: Api) -> None:
        answer = filled.search([1, 0])
        assert answer.status == 200
        assert answer.json == {
            "matches": [
                {"id": "a", "distance": 0.0, "metadata": {"colour": "red"}},
                {"id": "b", "distance": pytest.approx(1.0), "metadata": None},
            ],
            "count": 2,
            "strategy": "exact",
            "plan": "local",
            "eligible": 2,
            "partitions": 0,
            "entries": 0,
            "examined": 2,
            "bytes_read": 0,
            "requests": 1,
            "rounds": 1,
            "milliseconds": pytest.approx(0, abs=20_000),
            "next": None,
        }
        assert answer.etag == filled.send("GET", "/indexes/t").etag

    def test_with_eventual_consistency_sends_no_request_for_a_recent_snapshot(self, filled: Api) -> None:
        strong = filled.search([1, 0])
        eventual = filled.search([1, 0], consistency="eventual")
        assert (eventual.json["matches"], eventual.etag) == (strong.json["matches"], strong.etag)
        assert (strong.json["requests"], eventual.json["requests"]) == (1, 0)

    @pytest.mark.parametrize("include", [[], ["metadata"], ["vector"], ["metadata", "vector"]])
    def test_returns_the_included_fields(self, scratch: Api, include: list[str]) -> None:
        (match,) = scratch.search([1, 0], k=1, include=include).json["matches"]
        assert set(match) == {"id", "distance", *include}

    def test_returns_k_matches_or_all_vectors(self, filled: Api) -> None:
        assert [len(filled.search([1, 1], k=k).json["matches"]) for k in (1, 2, 10_000)] == [1, 2, 2]

    @pytest.mark.parametrize(
        "body",
        [
            {"vector": [1, 0], "k": 0},
            {"vector": [1, 0], "k": 10_001},
            {"vector": [1, 0], "k": "4"},
            {"vector": [1, 0], "ef_search": 10**9},
            {"vector": [1, 0, 0]},
            {"vector": [0, 0]},
            {"vector": [1e39, 0]},
            {"vector": "AAA="},
            {"vector": [1, 0], "consistency": "weak"},
            {"vector": [1, 0], "max_staleness": 5},
            {"vector": [1, 0], "consistency": "eventual", "max_staleness": 3601},
            {"vector": [1, 0], "unknown": {}},
            {},
        ],
    )
    def test_with_an_invalid_body_is_refused(self, scratch: Api, body: dict[str, Any]) -> None:
        assert problem(scratch.send("POST", "/indexes/t/search", json.dumps(body))) == (422, "request-invalid")
