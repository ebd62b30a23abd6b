"""Objects of format version 1, written by the earlier Go service: readable over HTTP, upgraded by the first write."""

import base64
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import hnsw as h
from tests.support.api import Answer, Api
from vectord.runtime.settings import Settings
from vectord.storage.base import IfAbsent, Store, StoredObject

GOLDEN = Path(__file__).parents[1] / "golden/v1"
THREE = {"a": [1, 0, 0], "b/%2F + é": [0.5, 0.5, 0], "漢字 \U0001f600": [-0.0, 1e-40, 3.25]}
METADATA: dict[str, Any] = {"a": {"kind": "axis", "tags": ["x", None, 1.5]}, "b/%2F + é": []}
PROBLEM = "urn:vectord:problem:"


@pytest.fixture
def api(api_with_versions: Api) -> Api:
    return api_with_versions


def _store() -> Store:
    """Return the store of the deployment that started last."""
    store: Store = import_module("vectord.runtime.resources").store_of(Settings.read(os.environ))
    return store


def _put(name: str, blob: bytes) -> None:
    _store().put(name, blob, IfAbsent(), "")


def _golden(distance: str, name: str = "t") -> None:
    _put(name, (GOLDEN / f"{distance}.lhv1").read_bytes())


def _version(name: str = "t") -> int:
    found = _store().get(name)
    assert isinstance(found, StoredObject)
    return int(json.loads(found.data[8 : 8 + int.from_bytes(found.data[4:8])])["version"])


def _lookup(api: Api, vector_id: str, name: str = "t") -> tuple[bytes, Any]:
    found = api.get(vector_id, name)
    return np.float32(found["vector"]).tobytes(), found["metadata"]


def _holds_the_three(api: Api, name: str = "t") -> bool:
    held = {vector_id: (np.float32(vector).tobytes(), METADATA.get(vector_id)) for vector_id, vector in THREE.items()}
    return {vector_id: _lookup(api, vector_id, name) for vector_id in THREE} == held


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_describe_and_lookup_work(api: Api, distance: str) -> None:
    _golden(distance)
    described = api.send("GET", "/indexes/t")
    index = described.json["index"]
    assert (described.status, described.json["count"], described.etag) == (200, 3, _store().etag("t"))
    assert (index["dimension"], index["m"], index["ef_search"], index["distance"]) == (3, 16, 20, distance)
    assert _holds_the_three(api)


def test_its_parameters_are_kept(api: Api) -> None:
    _golden("many")
    index = api.send("GET", "/indexes/t").json["index"]
    assert (index["m"], index["ef_search"], index["distance"]) == (8, 100, "euclidean")


def test_search_is_exact(api: Api) -> None:
    _golden("euclidean")
    answer = api.search([0.5, 0.5, 0.1], k=5)
    assert [match["id"] for match in answer.json["matches"]] == ["b/%2F + é", "a", "漢字 \U0001f600"]
    assert answer.json["matches"][1]["metadata"] == METADATA["a"]


@pytest.mark.parametrize(
    ("tree", "ids"),
    [
        ({"kind": "axis"}, ["a"]),
        ({"tags": {"$gt": 1}}, ["a"]),
        ({"kind": {"$exists": False}}, ["b/%2F + é", "漢字 \U0001f600"]),
        ({"kind": "none"}, []),
    ],
)
def test_search_count_and_list_accept_a_filter(api: Api, tree: Any, ids: list[str]) -> None:
    _golden("cosine")
    found = api.search([1, 1, 1], filter=tree).json["matches"]
    counted = api.send("POST", "/indexes/t/vectors/count", {"filter": tree}).json["count"]
    listed = api.send("GET", "/indexes/t/vectors", query={"filter": json.dumps(tree)}).json["vectors"]
    assert [sorted(one["id"] for one in some) for some in (found, listed)] == [ids, ids]
    assert counted == len(ids)


def test_the_pages_of_a_search_go_on_after_the_upgrade(api: Api) -> None:
    """A change of metadata upgrades the index and moves a row; its distance stays the same number."""
    _golden("many")
    described = api.send("GET", "/indexes/t").json
    body: dict[str, Any] = {"vector": np.linspace(1, 2, described["index"]["dimension"]).tolist(), "k": 7}
    found: list[str] = []
    while body.get("after", "") is not None:
        page = api.send("POST", "/indexes/t/search", body).json
        found += [match["id"] for match in page["matches"]]
        body["after"] = page["next"]
        if _version() == 1:
            patch = {"ids": found[-1:], "metadata": {"new": True}}
            assert api.send("PATCH", "/indexes/t/vectors", patch).status == 200
    assert len(found) == len(set(found)) == described["count"] > 7


def test_it_appears_in_the_list_of_indexes(api: Api) -> None:
    _golden("cosine")
    api.create("u")
    assert [one["name"] for one in api.send("GET", "/indexes").json["indexes"]] == ["t", "u"]
    listed = api.send("GET", "/indexes/t/vectors", query={"include": "vector"}).json["vectors"]
    assert {one["id"]: one["vector"][0] for one in listed} == {name: vector[0] for name, vector in THREE.items()}


def test_reads_do_not_rewrite_it(api: Api) -> None:
    _golden("cosine")
    api.search([1, 1, 1])
    api.send("POST", "/indexes/t/warm")
    assert _version() == 1


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_first_add_upgrades_it_and_keeps_its_vectors(api: Api, distance: str) -> None:
    _golden(distance)
    answer = api.add({"id": "new", "vector": [3, 2, 1]}, {"id": "a", "vector": THREE["a"]})
    assert (answer.status, answer.json) == (200, {"added": 1, "replaced": 1, "count": 4})
    assert _version() == 2
    fresh = Api(one_process=True) if os.environ.get("VECTORD_STORE") else api
    index = fresh.send("GET", "/indexes/t").json["index"]
    assert (index["name"], index["m"], index["ef_search"], index["distance"]) == ("t", 16, 20, distance)
    assert _holds_the_three(fresh)
    assert fresh.search([3, 2, 1], k=1).json["matches"][0]["id"] == "new"


def test_vectors_can_be_added_to_an_empty_one(api: Api) -> None:
    _golden("empty")
    assert api.send("GET", "/indexes/t").json["count"] == 0
    assert api.add({"id": "a", "vector": [1, 0, 0]}).json["count"] == 1
    assert _version() == 2


def test_other_writes_upgrade_it_too(api: Api) -> None:
    _golden("cosine")
    _golden("cosine", "u")
    assert api.send("DELETE", "/indexes/t/vectors/a").json == {"deleted": 1, "count": 2}
    patched = api.send("PATCH", "/indexes/u/vectors", {"ids": ["a"], "metadata": {"kind": "b"}})
    assert (patched.status, _lookup(api, "a", "u")[1]) == (200, {**METADATA["a"], "kind": "b"})
    assert (_version("t"), _version("u")) == (2, 2)


def test_it_is_deleted(api: Api) -> None:
    _golden("cosine")
    assert api.send("DELETE", "/indexes/t").status == 204
    assert api.send("GET", "/indexes/t").status == 404


def test_it_is_copied_as_version_2(api: Api) -> None:
    _golden("euclidean")
    assert api.send("POST", "/indexes/t/copy", {"to": "u"}).status == 201
    assert (_version("t"), _version("u")) == (1, 2)
    assert _holds_the_three(api, "u")


def test_it_is_read_and_restored_as_an_earlier_state(api: Api) -> None:
    _golden("euclidean")
    old = api.send("GET", "/indexes/t").etag
    api.add({"id": "new", "vector": [3, 2, 1]})
    api.send("DELETE", "/indexes/t/vectors/a")
    described = api.send("GET", "/indexes/t", query={"as_of": old})
    assert (described.json["count"], described.etag) == (3, old)
    found = api.search([1, 0, 0], k=1, as_of=old).json["matches"]
    assert (found[0]["id"], found[0]["metadata"]) == ("a", METADATA["a"])
    assert api.send("POST", "/indexes/t/restore", {"as_of": old}).status == 200
    assert (_version(), api.send("GET", "/indexes/t").json["count"]) == (2, 3)
    assert _holds_the_three(api)


@pytest.mark.parametrize("kind", ["lhv1", "jsonl"])
def test_it_is_exported(api: Api, kind: str) -> None:
    _golden("euclidean")
    answer = api.send("GET", "/indexes/t/export", query={"format": kind})
    assert answer.status == 200
    if kind == "lhv1":
        _put("u", answer.data)
    else:
        lines = [json.loads(line) for line in answer.data.splitlines()]
        api.create("u", 3, distance="euclidean")
        items = [{**line, "vector": base64.b64encode(np.float32(line["vector"]).tobytes()).decode()} for line in lines]
        assert api.add(*items, name="u").status == 200
    assert _version("u") == 2
    assert _holds_the_three(api, "u")


GRAPH = h.graph([[("a", (1, 0, 0), ())]])
V1 = {"version": 1, "params": h.params(), "metadata": {}}
HOSTILE = {
    "no graph": h.blob(V1, b""),
    "cut off": h.blob(V1, GRAPH[:-3]),
    "bytes behind": h.blob(V1, GRAPH + b"x"),
    "a huge count": h.blob(V1, h.graph([])[:-1] + h.number(2**62)),
    "a negative count": h.blob(V1, h.graph([])[:-1] + h.number(-1)),
    "another dimension": h.blob({**V1, "params": h.params(dimension=4)}, GRAPH),
    "a key twice": h.blob(V1, h.graph([[("a", (1, 0, 0), ()), ("a", (0, 1, 0), ())]])),
    "not finite": h.blob(V1, h.graph([[("a", (float("nan"), 0, 0), ())]])),
    "a zero vector under cosine": h.blob(V1, h.graph([[("a", (0, 0, 0), ())]])),
    "unknown keys": h.blob({**V1, "surprise": 1}, GRAPH),
    "no parameters": h.blob({"version": 1}, GRAPH),
    "metadata nested too deeply": h.blob({**V1, "metadata": {"a": json.loads("[" * 150 + "]" * 150)}}, GRAPH),
}
READS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", "/search", {"vector": [1, 0, 0]}),
    ("GET", "/vectors/a", None),
    ("GET", "/vectors", None),
    ("GET", "/export?format=jsonl", None),
    ("POST", "/vectors", {"vectors": [{"id": "a", "vector": [1, 0, 0]}]}),
]


def _send(api: Api, method: str, path: str, body: Any) -> Answer:
    path, _, query = path.partition("?")
    return api.send(method, f"/indexes/t{path}", body, query=dict([query.split("=")]) if query else None)


@pytest.mark.parametrize("what", HOSTILE)
def test_damaged_bytes_are_an_error_that_names_the_index(ephemeral: Api, what: str) -> None:
    _put("t", HOSTILE[what])
    for method, path, body in READS:
        answer = _send(ephemeral, method, path, body)
        assert (answer.status, answer.json["type"]) == (500, f"{PROBLEM}index-corrupt"), (method, path)
        assert "Index 't' cannot be read" in answer.json["detail"]
    found = _store().get("t")
    assert isinstance(found, StoredObject)
    assert found.data == HOSTILE[what]


def test_a_graph_of_a_later_encoding_is_unsupported(ephemeral: Api) -> None:
    _put("t", h.blob(V1, h.graph([], version=2)))
    answer = ephemeral.send("GET", "/indexes/t")
    assert (answer.status, answer.json["type"]) == (500, f"{PROBLEM}index-unsupported")
