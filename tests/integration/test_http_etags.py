"""ETags and preconditions, ids with any characters, routes of missing indexes, and responses that are too large."""

import random
from typing import Any

import pytest

from tests.support import template
from tests.support.api import DEFAULT, Api, encoded, load

ODD_IDS = [
    "a/b",
    "/",
    "//a//",
    "%2F",
    "%252F",
    "%",
    "100%",
    "+",
    "a+b c",
    " ",
    "..",
    "../../etc",
    "?x=1&y=2",
    "#",
    '"quoted"',
    "back\\slash",
    "line\nbreak",
    "ü",
    "日本語",
    "😀",
    "\x00",
    "delete",
    "{id}",
    "x" * 1_024,
]
IN_PATHS = ["a/b", "+", "a+b c", " ", '"quoted"', "back\\slash", "ü", "日本語", "😀", "delete", "{id}", "x" * 1_024]

TO_AN_INDEX: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("DELETE", "", None),
    ("POST", "/vectors", {"vectors": [{"id": "a", "vector": [1, 0]}]}),
    ("GET", "/vectors/a", None),
    ("DELETE", "/vectors/a", None),
    ("POST", "/vectors/delete", {"ids": ["a"]}),
    ("POST", "/search", {"vector": [1, 0]}),
]
CHANGES = [change for change in TO_AN_INDEX if change[0] != "GET" and change[1] != "/search"]


@pytest.mark.parametrize("vector_id", ODD_IDS, ids=[ascii(vector_id)[:12] for vector_id in ODD_IDS])
def test_any_id_works_in_a_body(ephemeral: Api, vector_id: str) -> None:
    api = ephemeral
    api.create()
    api.add({"id": vector_id, "vector": [1, 0]}, {"id": "other", "vector": [0, 1]})
    assert api.search([1, 0]).json["matches"][0]["id"] == vector_id
    assert api.get(vector_id)["id"] == vector_id
    assert api.delete(vector_id).json == {"deleted": 1, "count": 1}
    assert [match["id"] for match in api.search([1, 0]).json["matches"]] == ["other"]


@pytest.mark.parametrize("vector_id", IN_PATHS, ids=[ascii(vector_id)[:12] for vector_id in IN_PATHS])
def test_an_id_works_in_a_path(ephemeral: Api, vector_id: str) -> None:
    api, path = ephemeral, f"/indexes/t/vectors/{encoded(vector_id)}"
    api.create()
    api.add({"id": vector_id, "vector": [1, 0]}, {"id": "other", "vector": [0, 1]})
    assert api.send("GET", path).json["id"] == vector_id
    assert api.send("DELETE", path).json == {"deleted": 1, "count": 1}
    assert [match["id"] for match in api.search([1, 0]).json["matches"]] == ["other"]


def test_ids_that_look_alike_in_a_path_stay_distinct(ephemeral: Api) -> None:
    alike = ["a/b", "a b", "a+b", "ü", "u\u0308", "a%2Fb", "a%252Fb", "a%20b", "%C3%BC"]
    ephemeral.create()
    ephemeral.add(*({"id": vector_id, "vector": [1, i]} for i, vector_id in enumerate(alike)))
    by_body = [ephemeral.get(vector_id) for vector_id in alike]
    by_path = [ephemeral.send("GET", f"/indexes/t/vectors/{encoded(vector_id)}").json for vector_id in alike]
    assert [(vector["id"], vector["vector"][1]) for vector in by_body] == list(zip(alike, range(9), strict=True))
    assert by_path[:5] == by_body[:5]
    assert {answer["status"] for answer in by_path[5:]} == {422}


@pytest.mark.parametrize(("method", "path", "body"), TO_AN_INDEX)
@pytest.mark.parametrize("name", ["absent", ".hidden", "a%2Fb", "x" * 129, "%E2%98%83"])
def test_a_missing_index_is_not_found(ephemeral: Api, name: str, method: str, path: str, body: Any) -> None:
    answer = ephemeral.send(method, f"/indexes/{name}{path}", body)
    assert (answer.status, answer.json["type"]) == (404, "urn:vectord:problem:index-not-found")


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_write_with_a_stale_if_match_changes_nothing(api: Api, method: str, path: str, body: Any) -> None:
    old = api.create().etag
    now = api.add({"id": "a", "vector": [1, 0]}).etag
    answer = api.send(method, f"/indexes/t{path}", body, headers={"If-Match": old})
    assert (answer.status, answer.json["type"]) == (412, "urn:vectord:problem:precondition-failed")
    assert api.send("GET", "/indexes/t").etag == now


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_write_with_the_current_if_match_succeeds(api: Api, method: str, path: str, body: Any) -> None:
    api.create()
    etag = api.add({"id": "a", "vector": [1, 0]}).etag
    assert api.send(method, f"/indexes/t{path}", body, headers={"If-Match": etag}).status in {200, 204}


@pytest.mark.parametrize("if_match", ["*", '"old", {etag}'])
def test_if_match_accepts_a_list_of_etags_and_a_star(ephemeral: Api, if_match: str) -> None:
    etag = ephemeral.create().etag
    answer = ephemeral.add({"id": "a", "vector": [1, 0]}, headers={"If-Match": if_match.format(etag=etag)})
    assert answer.status == 200


@pytest.mark.parametrize("if_none_match", ["{etag}", "W/{etag}", '"old", {etag}', "*"])
@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_write_whose_if_none_match_matches_changes_nothing(
    ephemeral: Api, method: str, path: str, body: Any, if_none_match: str
) -> None:
    ephemeral.create()
    now = ephemeral.add({"id": "a", "vector": [1, 0]}).etag
    headers = {"If-None-Match": if_none_match.format(etag=now)}
    answer = ephemeral.send(method, f"/indexes/t{path}", body, headers=headers)
    assert (answer.status, answer.json["type"]) == (412, "urn:vectord:problem:precondition-failed")
    assert ephemeral.send("GET", "/indexes/t").etag == now


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_write_whose_if_none_match_differs_succeeds(api: Api, method: str, path: str, body: Any) -> None:
    old = api.create().etag
    api.add({"id": "a", "vector": [1, 0]})
    assert api.send(method, f"/indexes/t{path}", body, headers={"If-None-Match": old}).status in {200, 204}


def creates(api: Api, **headers: str) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.send("POST", "/indexes", {"name": "t", "dimension": 2}, headers=named)
    return answer.status, answer.json.get("type", "").removeprefix("urn:vectord:problem:")


@pytest.mark.parametrize("condition", ["*", '"any"'])
def test_creating_a_new_index_fails_if_match_and_passes_if_none_match(api: Api, condition: str) -> None:
    assert creates(api, If_Match=condition) == (412, "precondition-failed")
    assert creates(api, If_None_Match=condition) == (201, "")


def test_creating_an_existing_index_checks_preconditions_before_the_conflict(api: Api) -> None:
    etag = api.create().etag
    assert creates(api, If_None_Match="*") == (412, "precondition-failed")
    assert creates(api, If_None_Match=etag) == (412, "precondition-failed")
    assert creates(api, If_Match='"old"') == (412, "precondition-failed")
    assert creates(api, If_Match=etag) == (409, "index-exists")
    assert creates(api, If_None_Match='"old"') == (409, "index-exists")


READS = [("GET", "", None), ("GET", "/vectors/a", None), ("POST", "/search", {"vector": [1, 0]})]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_a_read_with_a_matching_if_none_match_returns_304(api: Api, method: str, path: str, body: Any) -> None:
    api.create()
    etag = api.add({"id": "a", "vector": [1, 0]}).etag
    for known in (etag, f"W/{etag}", f'"old", {etag}'):
        answer = api.send(method, f"/indexes/t{path}", body, headers={"If-None-Match": known})
        assert (answer.status, answer.text, answer.headers) == (304, "", {"ETag": etag})
    assert api.send(method, f"/indexes/t{path}", body, headers={"If-None-Match": '"old"'}).status == 200


def test_each_write_has_its_own_etag_and_reads_return_the_last(api: Api) -> None:
    etags = [api.create().etag]
    etags += [api.add({"id": str(i), "vector": [1, i]}).etag for i in range(3)]
    etags.append(api.send("DELETE", "/indexes/t/vectors/0").etag)
    assert len(set(etags)) == len(etags)
    reads = [api.send("GET", "/indexes/t"), api.send("GET", "/indexes/t/vectors/1"), api.search([1, 0])]
    assert {answer.etag for answer in reads} == {etags[-1]}


@pytest.mark.slow
def test_a_search_whose_answer_would_be_too_large_continues_on_another_page(ephemeral: Api) -> None:
    ephemeral.create(dimension=1_024)
    draw = random.Random(1)
    for batch in range(2):
        vectors = [{"id": f"{batch}-{i}", "vector": [draw.random() for _ in range(1_024)]} for i in range(180)]
        assert ephemeral.add(*vectors).status == 200
    query = {"vector": [1] * 1_024, "k": 360, "include": ["vector"]}
    first = ephemeral.search(**query)
    second = ephemeral.search(**query, after=first.json["next"])
    assert (first.status, second.status) == (200, 200)
    assert len(first.text.encode()) < 6 << 20
    pages = [{match["id"] for match in answer.json["matches"]} for answer in (first, second)]
    assert 0 < len(pages[1]) < len(pages[0])
    assert len(pages[0] | pages[1]) == 360


def test_the_template_declares_exactly_the_routes_that_handlers_serve() -> None:
    default = template.default_function()
    preflight = "OPTIONS /{proxy+}"  # only the definition of the API has it, with the permission of $default
    declared = {**template.routes(), DEFAULT: default, preflight: default}
    served = {route: folder for folder in set(declared.values()) for route in load(folder).ROUTES}
    assert served == declared


def test_template_functions_and_handlers_correspond() -> None:
    functions = template.resources("AWS::Serverless::Function").values()
    folders = {template.ROOT / properties["CodeUri"] for properties in functions}
    assert folders == {path.parent for path in template.ROOT.glob("functions/*/handler.py")}


def test_the_api_has_its_nine_core_routes() -> None:
    assert set(template.routes()) >= {
        "POST /indexes",
        "GET /indexes",
        "GET /indexes/{name}",
        "DELETE /indexes/{name}",
        "POST /indexes/{name}/vectors",
        "GET /indexes/{name}/vectors/{id+}",
        "DELETE /indexes/{name}/vectors/{id+}",
        "POST /indexes/{name}/vectors/delete",
        "POST /indexes/{name}/search",
    }
