"""Get, list, count, patch and delete vectors over HTTP, in single-object and sharded indexes."""

import base64
import json
import zlib
from typing import Any

import pytest

from tests.support.api import Answer, Api

YEARS = {f"film-{i}": 1970 + i for i in range(12)}


@pytest.fixture(params=[1, 3], ids=["one blob", "shards"])
def films(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    """An API with index `t` of 12 films, each with its year, and `bare`, which has no metadata."""
    ephemeral.create(shards=request.param)
    made = [{"id": name, "vector": [1, year], "metadata": {"year": year}} for name, year in YEARS.items()]
    assert ephemeral.add(*made, {"id": "bare", "vector": [1, 0]}).status == 200
    return ephemeral


def ask(api: Api, what: str, body: Any = None, **more: Any) -> Answer:
    return api.send("POST", f"/indexes/t/vectors/{what}", body, **more)


def page(api: Api, name: str = "t", **query: str) -> Answer:
    return api.send("GET", f"/indexes/{name}/vectors", query=query)


def all_pages(api: Api, **query: str) -> list[dict[str, Any]]:
    shown = []
    while True:
        answer = page(api, **query)
        assert answer.status == 200
        shown += answer.json["vectors"]
        if answer.json["next"] is None:
            return shown
        query["cursor"] = answer.json["next"]


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")


class TestGet:
    def test_returns_vectors_in_request_order_and_lists_missing_ids(self, films: Api) -> None:
        answer = ask(films, "get", {"ids": ["film-1", "absent", "bare", "film-0", "film-1", "gone"]})
        assert answer.status == 200
        assert answer.json == {
            "vectors": [
                {"id": "film-1", "metadata": {"year": 1971}, "vector": [1, 1971]},
                {"id": "bare", "metadata": None, "vector": [1, 0]},
                {"id": "film-0", "metadata": {"year": 1970}, "vector": [1, 1970]},
            ],
            "missing": ["absent", "gone"],
            "next": None,
        }

    @pytest.mark.parametrize("include", [[], ["metadata"], ["vector"]])
    def test_returns_the_included_fields(self, films: Api, include: list[str]) -> None:
        [shown] = ask(films, "get", {"ids": ["film-1"], "include": include}).json["vectors"]
        assert set(shown) == {"id", *include}

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"ids": []}, "request-invalid"),
            ({"ids": ["x"] * 1_001}, "request-invalid"),
            ({"ids": [7]}, "batch-invalid"),
            ({"ids": ["a"], "include": ["all"]}, "request-invalid"),
            ({}, "request-invalid"),
        ],
    )
    def test_with_an_invalid_body_is_refused(self, films: Api, body: Any, kind: str) -> None:
        assert problem(ask(films, "get", body)) == (422, kind)


class TestList:
    def test_pages_list_every_vector_once(self, films: Api) -> None:
        shown = all_pages(films, limit="4")
        assert sorted(one["id"] for one in shown) == sorted([*YEARS, "bare"])
        assert {one["id"]: one["metadata"] for one in shown}["film-3"] == {"year": 1973}
        assert all(set(one) == {"id", "metadata"} for one in shown)

    def test_is_ordered_by_the_crc32_of_ids(self, ephemeral: Api) -> None:
        ephemeral.create()
        ephemeral.add(*({"id": name, "vector": [1, 0]} for name in YEARS))
        assert [one["id"] for one in all_pages(ephemeral)] == sorted(YEARS, key=lambda name: zlib.crc32(name.encode()))

    def test_segments_together_list_every_vector_once(self, films: Api) -> None:
        shown = [one["id"] for n in range(3) for one in all_pages(films, segments="3", segment=str(n), limit="2")]
        assert sorted(shown) == sorted([*YEARS, "bare"])

    def test_applies_prefix_and_filter(self, films: Api) -> None:
        assert sorted(one["id"] for one in all_pages(films, prefix="film-1", limit="1")) == [
            "film-1",
            "film-10",
            "film-11",
        ]
        early = json.dumps({"year": {"$lt": 1973}})
        assert sorted(one["id"] for one in all_pages(films, filter=early, limit="2")) == ["film-0", "film-1", "film-2"]

    @pytest.mark.parametrize("include", ["", "metadata", "vector", "metadata,vector"])
    def test_returns_the_included_fields(self, films: Api, include: str) -> None:
        assert {frozenset(one) for one in all_pages(films, include=include)} == {
            frozenset({"id", *filter(None, include.split(","))})
        }

    def test_of_an_empty_index_is_empty(self, ephemeral: Api) -> None:
        ephemeral.create()
        assert page(ephemeral).json == {"vectors": [], "next": None}

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "1001"},
            {"limit": "x"},
            {"segments": "0"},
            {"segments": "1001"},
            {"segments": "2", "segment": "2"},
            {"segment": "1"},
            {"include": "all"},
            {"page": "2"},
            {"consistency": "weak"},
        ],
    )
    def test_with_an_invalid_parameter_is_refused(self, films: Api, query: dict[str, str]) -> None:
        assert problem(page(films, **query)) == (422, "request-invalid")

    @pytest.mark.parametrize("text", ['{"year": {"$gtt": 1}}', '{"year": {}}', "[]", "7"])
    def test_with_an_invalid_filter_is_refused(self, films: Api, text: str) -> None:
        assert problem(page(films, filter=text)) == (422, "filter-invalid")

    def test_with_a_filter_that_is_not_json_is_an_invalid_filter(self, films: Api) -> None:
        assert problem(page(films, filter="{")) == (422, "filter-invalid")


class TestCursor:
    def test_from_another_index_is_refused(self, films: Api) -> None:
        films.create("other")
        cursor = page(films, limit="1").json["next"]
        assert problem(page(films, "other", cursor=cursor)) == (422, "cursor-invalid")

    @pytest.mark.parametrize(
        "query", [{"prefix": "f"}, {"filter": '{"year": 1971}'}, {"segments": "2"}, {"segments": "2", "segment": "1"}]
    )
    def test_from_another_listing_is_refused(self, films: Api, query: dict[str, str]) -> None:
        cursor = page(films, limit="1").json["next"]
        assert problem(page(films, cursor=cursor, **query)) == (422, "cursor-invalid")

    @pytest.mark.parametrize("cursor", ["", "?", "x", "ü", base64.b64encode(bytes(40)).decode()])
    def test_that_is_forged_is_refused(self, films: Api, cursor: str) -> None:
        assert problem(page(films, cursor=cursor)) == (422, "cursor-invalid")

    def test_works_with_another_limit_and_other_included_fields(self, films: Api) -> None:
        first = page(films, limit="1").json
        rest = page(films, limit="100", include="vector", cursor=first["next"]).json["vectors"]
        assert sorted(one["id"] for one in [*first["vectors"], *rest]) == sorted([*YEARS, "bare"])


class TestCount:
    @pytest.mark.parametrize(
        ("body", "count"),
        [
            (None, 13),
            ({}, 13),
            ({"filter": None}, 13),
            ({"filter": {"year": {"$gte": 1980}}}, 2),
            ({"filter": {"year": {"$exists": False}}}, 1),
        ],
    )
    def test_counts_vectors_that_match_the_filter(self, films: Api, body: Any, count: int) -> None:
        answer = ask(films, "count", body)
        assert (answer.status, answer.json) == (200, {"count": count})
        assert answer.etag == films.send("GET", "/indexes/t").etag

    def test_with_an_invalid_filter_is_refused(self, films: Api) -> None:
        answer = ask(films, "count", {"filter": {"year": {"$gtt": 1}}})
        assert problem(answer) == (422, "filter-invalid")
        assert "filter.year.$gtt" in answer.json["detail"]


READS: list[tuple[str, str, Any]] = [
    ("POST", "/get", {"ids": ["film-1"]}),
    ("GET", "", None),
    ("POST", "/count", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_a_read_of_an_unchanged_index_returns_304(ephemeral: Api, method: str, path: str, body: Any) -> None:
    etag = ephemeral.create().etag
    assert ephemeral.send(method, f"/indexes/t/vectors{path}", body).etag == etag
    again = ephemeral.send(method, f"/indexes/t/vectors{path}", body, headers={"If-None-Match": etag})
    assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_a_missing_index_is_not_found(ephemeral: Api, method: str, path: str, body: Any) -> None:
    assert problem(ephemeral.send(method, f"/indexes/absent/vectors{path}", body)) == (404, "index-not-found")


def patch(api: Api, body: Any, **more: Any) -> Answer:
    return api.send("PATCH", "/indexes/t/vectors", body, **more)


def metadata(api: Api, vector_id: str) -> Any:
    return api.send("GET", f"/indexes/t/vectors/{vector_id}").json["metadata"]


class TestPatch:
    def test_by_ids_merges_metadata_and_keeps_vectors(self, films: Api) -> None:
        answer = patch(films, {"ids": ["film-1", "bare", "film-1"], "metadata": {"seen": True}})
        assert (answer.status, answer.json["patched"]) == (200, 2)
        assert metadata(films, "film-1") == {"year": 1971, "seen": True}
        assert metadata(films, "bare") == {"seen": True}
        assert films.send("GET", "/indexes/t/vectors/film-1").json["vector"] == [1, 1971]

    def test_by_filter_changes_matching_vectors(self, films: Api) -> None:
        answer = patch(films, {"filter": {"year": {"$gte": 1980}}, "metadata": {"late": True}, "mode": "replace"})
        assert (answer.status, answer.json["patched"]) == (200, 2)
        assert metadata(films, "film-11") == {"late": True}

    def test_with_null_clears_metadata(self, films: Api) -> None:
        assert patch(films, {"ids": ["film-1"], "metadata": None, "mode": "replace"}).status == 200
        assert metadata(films, "film-1") is None

    def test_of_an_absent_id_names_it_and_changes_nothing(self, films: Api) -> None:
        etag = films.send("GET", "/indexes/t").etag
        answer = patch(films, {"ids": ["film-1", "gone"], "metadata": {"seen": True}})
        assert problem(answer) == (404, "vector-not-found")
        assert "'gone'" in answer.json["detail"]
        assert films.send("GET", "/indexes/t").etag == etag

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"ids": ["film-1"]}, "request-invalid"),
            ({"metadata": {}}, "request-invalid"),
            ({"ids": ["film-1"], "filter": {"year": 1971}, "metadata": {}}, "request-invalid"),
            ({"ids": [], "metadata": {}}, "request-invalid"),
            ({"ids": [1], "metadata": {}}, "batch-invalid"),
            ({"ids": ["film-1"], "metadata": {}, "mode": "add"}, "request-invalid"),
            ({"ids": ["film-1"], "metadata": json.loads("[" * 101 + "]" * 101)}, "request-invalid"),
            ({"filter": {"year": {"$gtt": 1}}, "metadata": {}}, "filter-invalid"),
        ],
    )
    def test_with_an_invalid_body_is_refused_and_changes_nothing(self, films: Api, body: Any, kind: str) -> None:
        etag = films.send("GET", "/indexes/t").etag
        assert problem(patch(films, body)) == (422, kind)
        assert films.send("GET", "/indexes/t").etag == etag

    def test_accepts_preconditions_and_an_idempotency_key(self, ephemeral: Api) -> None:
        ephemeral.create()
        etag = ephemeral.add({"id": "a", "vector": [1, 0]}).etag
        body = {"ids": ["a"], "metadata": {"n": 1}}
        assert problem(patch(ephemeral, body, headers={"If-Match": '"old"'})) == (412, "precondition-failed")
        assert problem(patch(ephemeral, body, headers={"If-None-Match": etag})) == (412, "precondition-failed")
        headers = {"If-Match": etag, "Idempotency-Key": "k"}
        first = patch(ephemeral, body, headers=headers)
        assert (first.status, first.json) == (200, {"patched": 1, "count": 1})
        now = patch(ephemeral, {"ids": ["a"], "metadata": {"n": 2}}).etag
        again = patch(ephemeral, body, headers=headers)
        assert (again.json, again.etag, metadata(ephemeral, "a")) == (first.json, now, {"n": 2})
        other = patch(ephemeral, {"ids": ["a"], "metadata": {"n": 3}}, headers=headers)
        assert problem(other) == (422, "idempotency-key-reused")


MATCH_ALL = [{}, {"$and": []}, {"$and": [{}, {}]}, {"$not": {"$or": []}}, {"year": {"$nin": []}}]
MATCH_NONE = [{"year": {"$in": []}}, {"$or": []}, {"$not": {}}, {"$and": [{}, {"year": {"$in": []}}]}]


class TestConstantFilter:
    """`{}` is true for every vector, with or without metadata; an alternative of nothing is true for none."""

    @pytest.mark.parametrize(
        ("tree", "expected"), [*((tree, 13) for tree in MATCH_ALL), *((tree, 0) for tree in MATCH_NONE)], ids=str
    )
    def test_selects_all_vectors_or_none_in_every_read(self, films: Api, tree: Any, expected: int) -> None:
        assert ask(films, "count", {"filter": tree}).json == {"count": expected}
        assert len(all_pages(films, filter=json.dumps(tree), limit="5")) == expected
        found = films.search([1, 0], k=20, filter=tree, recall=1)
        assert (len(found.json["matches"]), found.json["eligible"]) == (expected, expected)
        dry = ask(films, "delete", {"filter": tree, "dry_run": True})
        assert (dry.status, dry.json["deleted"]) == (200, expected)

    @pytest.mark.parametrize(("tree", "expected"), [({}, 13), (MATCH_NONE[0], 0)], ids=str)
    def test_selects_all_vectors_or_none_in_a_patch(self, films: Api, tree: Any, expected: int) -> None:
        assert patch(films, {"filter": tree, "metadata": {"seen": True}}).json["patched"] == expected
        assert ask(films, "count", {"filter": {"seen": True}}).json == {"count": expected}

    def test_measures_recall_among_all_vectors(self, ephemeral: Api) -> None:
        ephemeral.create()
        ephemeral.add({"id": "a", "vector": [1, 0]}, {"id": "b", "vector": [0, 1]})
        answer = ephemeral.send("POST", "/indexes/t/recall", {"filter": {}, "k": 1})
        assert (answer.status, answer.json["recall"]) == (200, 1.0)

    @pytest.mark.parametrize("tree", MATCH_ALL, ids=str)
    def test_deletes_all_vectors_only_with_all(self, films: Api, tree: Any) -> None:
        refused = ask(films, "delete", {"filter": tree})
        assert problem(refused) == (422, "request-invalid")
        assert '"all": true' in refused.json["detail"]
        assert ask(films, "count").json == {"count": 13}
        deleted = ask(films, "delete", {"filter": tree, "all": True})
        assert (deleted.status, deleted.json["deleted"]) == (200, 13)
        assert ask(films, "count").json == {"count": 0}

    @pytest.mark.parametrize("body", [{}, {"ids": ["bare"]}, {"filter": {"year": 1971}}, {"filter": {"$or": []}}])
    def test_all_without_a_filter_that_matches_all_is_refused(self, films: Api, body: Any) -> None:
        assert problem(ask(films, "delete", {**body, "all": True})) == (422, "request-invalid")
        assert ask(films, "count").json == {"count": 13}

    def test_null_is_an_absent_filter(self, films: Api) -> None:
        assert len(all_pages(films, filter="null", limit="5")) == 13
        cursor = page(films, filter=" null ", limit="5").json["next"]
        assert page(films, cursor=cursor).status == 200


class TestDelete:
    def test_by_filter_deletes_matching_vectors(self, films: Api) -> None:
        answer = ask(films, "delete", {"filter": {"year": {"$lt": 1975}}})
        assert (answer.status, answer.json["deleted"]) == (200, 5)
        assert ask(films, "count").json == {"count": 8}

    @pytest.mark.parametrize(
        ("body", "deleted"), [({"filter": {"year": {"$lt": 1975}}}, 5), ({"ids": ["film-1", "gone", "bare"]}, 2)]
    )
    def test_as_a_dry_run_counts_and_changes_nothing(self, films: Api, body: Any, deleted: int) -> None:
        etag = films.send("GET", "/indexes/t").etag
        answer = ask(films, "delete", {**body, "dry_run": True})
        assert (answer.status, answer.json["deleted"], answer.json["dry_run"]) == (200, deleted, True)
        assert films.send("GET", "/indexes/t").etag == etag
        assert ask(films, "delete", body).json["deleted"] == deleted

    @pytest.mark.parametrize("body", [{}, {"ids": ["bare"], "filter": {"year": 1971}}, {"dry_run": True}])
    def test_with_neither_or_both_of_ids_and_filter_is_refused(self, films: Api, body: Any) -> None:
        assert problem(ask(films, "delete", body)) == (422, "request-invalid")

    def test_as_a_dry_run_checks_if_match(self, ephemeral: Api) -> None:
        ephemeral.create()
        body = {"ids": ["a"], "dry_run": True}
        answer = ask(ephemeral, "delete", body, headers={"If-Match": '"old"'})
        assert problem(answer) == (412, "precondition-failed")
