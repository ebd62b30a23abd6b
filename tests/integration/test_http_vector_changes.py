"""Patch and delete vectors over HTTP, in single-object and sharded indexes."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.films import all_pages, ask, page, problem


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
