"""Changes with `Prefer: respond-async` of index `t`, their states, and what each does when it is applied."""

from typing import Any

from tests.support.api import Answer, Api

A, B = {"id": "a", "vector": [1, 0], "metadata": {"n": 1}}, {"id": "b", "vector": [0, 1]}
ASYNC = {"Prefer": "respond-async"}
# Each change of index `t`, which has a and b, with the answer that applies it.
CHANGES: dict[str, tuple[str, str, Any, dict[str, Any]]] = {
    "add": ("POST", "/vectors", {"vectors": [{"id": "c", "vector": [1, 1]}]}, {"added": 1, "replaced": 0, "count": 3}),
    "patch": ("PATCH", "/vectors", {"ids": ["a"], "metadata": {"n": 2}}, {"patched": 1, "count": 2}),
    "patch by filter": ("PATCH", "/vectors", {"filter": {"n": 1}, "metadata": {"n": 2}}, {"patched": 1, "count": 2}),
    "delete by path": ("DELETE", "/vectors/a", None, {"deleted": 1, "count": 1}),
    "delete": ("POST", "/vectors/delete", {"ids": ["a", "x"]}, {"deleted": 1, "count": 1}),
}


def send(api: Api, method: str, path: str, body: Any, **headers: str) -> Answer:
    return api.send(method, f"/indexes/t{path}", body, headers={**ASYNC, **headers})


def state(api: Api, accepted: Answer) -> Any:
    found = api.send("GET", accepted.headers["Location"])
    assert found.status == 200
    return found.json


def count(api: Api) -> int:
    found: int = api.send("POST", "/indexes/t/vectors/count", {}).json["count"]
    return found
