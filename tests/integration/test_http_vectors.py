"""Get, list and count vectors over HTTP, in single-object and sharded indexes."""

import base64
import json
import zlib
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.films import YEARS, all_pages, ask, page, problem


class TestGet:
    def test_lists_an_empty_id_as_missing_because_no_vector_has_it(self, films: Api) -> None:
        assert ask(films, "get", {"ids": [""]}).json["missing"] == [""]

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
