"""The deployed stack over HTTP: every route, ids of all kinds, concurrent writers, a restart."""

import gzip
import json
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote

import pytest

from tools.command.paths import TEMPLATE
from tools.stack import template
from tools.stack.client import Client, Json
from tools.stack.ministack import HOST
from tools.stack.stack import Stack

AXES: list[Json] = [
    {"id": "x", "vector": [1, 0, 0]},
    {"id": "y", "vector": [0, 1, 0], "metadata": {"axis": [1, {"deep": None}]}},
    {"id": "z", "vector": [0, 0, 1], "metadata": "text"},
]


def create(api: Client, name: str, **more: object) -> Json:
    return api.call("POST", "/indexes", {"name": name, "dimension": 3, **more}, expect=201).body


def add(api: Client, name: str, vectors: list[Json]) -> Json:
    return api.call("POST", f"/indexes/{name}/vectors", {"vectors": vectors}).body


def ids_near(api: Client, name: str, vector: list[float], k: int = 10) -> list[str]:
    answer = api.call("POST", f"/indexes/{name}/search", {"vector": vector, "k": k}).body
    return [match["id"] for match in answer["matches"]]


def test_an_index_from_creation_to_deletion(api: Client, stack: Stack) -> None:
    created = create(api, "life", distance="euclidean")
    assert created["count"] == 0
    assert created["index"]["distance"] == "euclidean"
    assert add(api, "life", AXES) == {"added": 3, "replaced": 0, "count": 3}
    assert add(api, "life", AXES[:1]) == {"added": 0, "replaced": 1, "count": 3}
    assert ids_near(api, "life", [0.1, 0.9, 0], k=2) == ["y", "x"]
    assert "life" in [index["name"] for index in api.call("GET", "/indexes").body["indexes"]]
    assert api.call("GET", "/indexes/life").body["count"] == 3
    assert api.call("GET", "/indexes/life/vectors/y").body["metadata"] == {"axis": [1, {"deep": None}]}
    assert api.call("DELETE", "/indexes/life/vectors/y").body == {"deleted": 1, "count": 2}
    api.call("DELETE", "/indexes/life/vectors/y", expect=404)
    assert api.call("POST", "/indexes/life/vectors/delete", {"ids": ["x", "z", "?"]}).body == {"deleted": 2, "count": 0}
    assert ids_near(api, "life", [1, 0, 0]) == []
    api.call("DELETE", "/indexes/life", expect=204)
    api.call("GET", "/indexes/life", expect=404)
    assert not [key for key in stack.objects() if key.endswith("/life.lhv1")]


NEED_NO_BODY = ("/warm", "/recall", "/count")


def test_every_declared_route_reaches_a_function(api: Client) -> None:
    declared = template.routes(template.load(TEMPLATE))
    native = {route for route in declared if route.endswith("/openapi.json") or " /indexes" in route}
    assert len(native) >= 9
    for key in native:
        method, path = key.split(" ", 1)
        path = path.replace("{name}", "absent").replace("{id+}", "absent").replace("/export", "/export?format=jsonl")
        if key in {"GET /indexes", "GET /openapi.json"}:
            api.call(method, path)
        elif method in {"POST", "PATCH", "PUT"} and not path.endswith(NEED_NO_BODY):
            assert api.call(method, path, expect=400).headers["content-type"] == "application/problem+json"
        else:
            missing = "change" if "{token}" in path else "index"
            found = api.call(method, path.replace("{token}", "absent"), expect=404)
            assert found.body["type"].endswith(f":{missing}-not-found")
    for key in declared - native - {template.DEFAULT}:  # those of Amazon S3 Vectors
        method, path = key.split(" ", 1)
        refused = api.call(method, path.replace("{resourceArn+}", "absent"), "[]", expect=400)
        assert refused.body["__type"] == "ValidationException"


@pytest.mark.parametrize("path", ["/", "/index", "/indexes/", "/indexes/films/search/", "/indexes//vectors"])
def test_an_unknown_path_gets_a_problem_document(api: Client, path: str) -> None:
    answer = api.call("GET", path, expect=404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "urn:vectord:problem:route-not-found"


def test_a_method_that_a_path_does_not_have_gets_a_problem_document_and_allow(api: Client) -> None:
    answer = api.call("DELETE", "/indexes/films/search", expect=405)
    assert (answer.headers["allow"], answer.body["type"]) == ("POST", "urn:vectord:problem:method-not-allowed")
    head = api.call("HEAD", "/indexes", expect=405)
    assert (head.headers["allow"], head.body) == ("GET, POST", {})


def test_gzip_in_both_directions(stack: Stack, api: Client) -> None:
    create(api, "packed")
    vectors = [{"id": f"row-{row}", "vector": [row, 1, 1]} for row in range(200)]
    body = gzip.compress(json.dumps({"vectors": vectors}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/octet-stream", "Accept-Encoding": "gzip"}
    connection = HTTPConnection(HOST, stack.port, timeout=60)
    with closing(connection):
        connection.request("POST", f"{stack.path}/indexes/packed/vectors", body, headers)
        assert json.loads(connection.getresponse().read())["added"] == 200
        connection.request("GET", f"{stack.path}/indexes/packed/vectors?limit=200", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.headers["content-encoding"] == "gzip"
        assert len(json.loads(gzip.decompress(answer.read()))["vectors"]) == 200


@pytest.fixture
def odd(api: Client) -> Iterator[Client]:
    """A client of an API that has an empty index `odd`."""
    create(api, "odd")
    yield api
    api.call("DELETE", "/indexes/odd", expect=204)


@pytest.mark.parametrize(
    "identifier", ["a/b/c", "delete", "a+b c", "100%", "ü 漢字 🦆", "?x=1&y#z", "~!@$^*()[]", "x" * 1024]
)
def test_any_id_is_returned_unchanged_by_routes_that_take_it_in_a_body(odd: Client, identifier: str) -> None:
    add(odd, "odd", [{"id": identifier, "vector": [1, 2, 3]}])
    assert ids_near(odd, "odd", [1, 2, 3]) == [identifier]
    assert odd.look_up("odd", identifier).body["vectors"][0]["id"] == identifier
    assert odd.delete("odd", identifier).body["count"] == 0


@pytest.mark.parametrize("identifier", ["a/b/c", "delete", "a+b c", "ü 漢字 🦆", "~!@$^*()[]", "x" * 1024])
def test_an_id_is_returned_unchanged_by_routes_that_take_it_in_a_path(odd: Client, identifier: str) -> None:
    add(odd, "odd", [{"id": identifier, "vector": [1, 2, 3]}])
    path = f"/indexes/odd/vectors/{quote(identifier, safe='')}"
    assert odd.call("GET", path).body["id"] == identifier
    assert odd.call("DELETE", path).body["count"] == 0


@pytest.mark.parametrize(
    "sent", ["100%25", "a%3Fb", "a%23b", "a%2F%2Fb", "a?b", "a%253Fb", "%C3", "a%2F..%2Fb", "a%2F", "a/"]
)
def test_a_path_with_an_id_that_a_gateway_could_change_reaches_no_row(odd: Client, sent: str) -> None:
    rows = ["a", "b", "100%", "100", "a?b", "a#b", "a//b", "a%3Fb", "a/", "a/b", "\ufffd", "Ã"]
    add(odd, "odd", [{"id": row, "vector": [1, 2, 3]} for row in rows])
    for method in ("GET", "DELETE"):
        assert odd.exchange(method, f"/indexes/odd/vectors/{sent}")[0] in {400, 404, 422}
    assert odd.call("GET", "/indexes/odd").body["count"] == len(rows)


def test_a_refused_batch_names_each_invalid_item_and_changes_nothing(api: Client) -> None:
    create(api, "strict")
    batch = {"vectors": [AXES[0], {"id": "short", "vector": [1]}, {"id": "zero", "vector": [0, 0, 0]}]}
    answer = api.call("POST", "/indexes/strict/vectors", batch, expect=422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [(item["position"], item["id"]) for item in answer.body["errors"]] == [(1, "short"), (2, "zero")]
    assert api.call("GET", "/indexes/strict").body["count"] == 0


def test_concurrent_writers_lose_no_change(stack: Stack, api: Client) -> None:
    create(api, "race")

    def write(writer: int) -> None:
        with closing(Client(HOST, stack.port, stack.path)) as own:
            for turn in range(5):
                add(own, "race", [{"id": f"{writer}-{turn}", "vector": [writer + 1, turn + 1, 1]}])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert api.call("GET", "/indexes/race").body["count"] == 10


def test_a_restart_keeps_all_data(stack: Stack, api: Client) -> None:
    create(api, "lasting")
    add(api, "lasting", AXES)
    before = api.call("GET", "/indexes/lasting")
    api.close()
    stack.restart()
    after = api.call("GET", "/indexes/lasting")
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])
    found = api.call("POST", "/indexes/lasting/search", {"vector": [0, 0, 1], "k": 1}).body["matches"]
    assert found == [{"id": "z", "distance": 0.0, "metadata": "text"}]


def test_the_object_in_the_bucket_is_an_lhv1_blob(stack: Stack, api: Client) -> None:
    create(api, "framed")
    add(api, "framed", AXES)
    blob = stack.read("_vectors/framed.lhv1")
    magic, length = struct.unpack(">4sI", blob[:8])
    assert magic == b"LHV1"
    assert blob[8 : 8 + length].lstrip().startswith(b"{")
    assert api.call("GET", "/indexes/framed").body["bytes"] == len(blob)
