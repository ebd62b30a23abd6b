"""Every operation of docs/openapi.json has a method, on both clients, over HTTP and embedded."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

from vectord_client import AsyncClient, ChangeNotFound, Client
from vectord_client.wire.request import Request, Response

DOCUMENT = json.loads((Path(__file__).parents[4] / "docs/openapi.json").read_text())
OPERATIONS = {
    operation["operationId"]: (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}

# One call for each operation, in an order in which all succeed. `c` is the client, `i` an index of it.
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "createAnIndex": lambda c, i: c.create_index("films", dimension=3),
    "createAnIndexByName": lambda c, i: c.index("series").create(dimension=3, distance="euclidean"),
    "listIndexes": lambda c, i: c.indexes("f"),
    "describeAnIndex": lambda c, i: i.info(),
    "changeAnIndex": lambda c, i: i.declare_text({"title": {"language": None}}),
    "addVectors": lambda c, i: i.add([("alien", [1, 0, 0], {"year": 1979}), ("heat", [0, 1, 0], {"year": 1995})]),
    "lookAVectorUp": lambda c, i: i.vector("alien"),
    "getVectors": lambda c, i: i.get(["heat", "unknown"]),
    "listVectors": lambda c, i: i.rows(vectors=True),
    "countVectors": lambda c, i: i.count({"year": 1979}),
    "countValues": lambda c, i: i.facets("year"),
    "search": lambda c, i: i.search([0, 1, 0], k=1),
    "measureRecall": lambda c, i: i.recall(2, k=1),
    "warmAnIndex": lambda c, i: i.warm(),
    "changeMetadata": lambda c, i: i.patch({"seen": True}, ids=["alien"]),
    "readAChange": lambda c, i: i.change("0" * 32).state(),
    "listVersions": lambda c, i: i.versions(),
    "exportAnIndex": lambda c, i: i.export_link("jsonl"),
    "uploadAFile": lambda c, i: i.upload_link("more.jsonl", 10),
    "copyAnIndex": lambda c, i: i.copy("films-2"),
    "deleteAVector": lambda c, i: i.remove("alien"),
    "deleteVectors": lambda c, i: i.delete(ids=["heat"]),
    "restoreAVersion": lambda c, i: i.restore(i.present),
    "deleteAnIndex": lambda c, i: c.delete_index("films-2"),
    "readTheOpenapiDocument": lambda c, i: c.openapi(),
}


def _expected(seen: dict[str, Any]) -> None:
    """Check what each call returned."""
    assert [summary.name for summary in seen["listIndexes"]] == ["films"]
    assert (seen["describeAnIndex"].dimension, seen["describeAnIndex"].count) == (3, 0)
    assert list(seen["changeAnIndex"].parameters.text) == ["title"]
    assert (seen["addVectors"].added, seen["addVectors"].count) == (2, 2)
    assert (seen["lookAVectorUp"].metadata, list(seen["lookAVectorUp"].vector)) == ({"year": 1979}, [1, 0, 0])
    assert [row.id for row in seen["getVectors"]] == ["heat"]
    assert {row.id: list(row.vector) for row in seen["listVectors"]} == {"alien": [1, 0, 0], "heat": [0, 1, 0]}
    assert seen["countVectors"] == 1
    assert [(facet.value, facet.count) for facet in seen["countValues"]["year"].values] == [(1979, 1), (1995, 1)]
    assert [(hit.id, hit.distance) for hit in seen["search"]] == [("heat", 0.0)]
    assert seen["measureRecall"].recall == 1.0
    assert seen["warmAnIndex"].bytes > 0
    assert seen["changeMetadata"].patched == 1
    assert isinstance(seen["readAChange"], ChangeNotFound), "a server on a folder has no queue"
    assert [version.latest for version in seen["listVersions"]][:2] == [True, False]
    assert seen["exportAnIndex"].format == "jsonl"
    assert seen["uploadAFile"].method == "PUT"
    assert seen["copyAnIndex"].name == "films-2"
    assert seen["deleteAVector"].deleted == seen["deleteVectors"].deleted == 1
    assert (seen["restoreAVersion"].count, seen["restoreAVersion"].parameters.name) == (2, "films")
    assert seen["readTheOpenapiDocument"]["openapi"] == "3.1.0"


class _Recorded:
    """A transport that notes the requests that pass through it."""

    def __init__(self, inner: Any, seen: list[tuple[str, str]]) -> None:
        self._inner, self._seen = inner, seen

    def send(self, request: Request, timeout: float) -> Response | Awaitable[Response]:
        self._seen.append((request.method, request.path))
        sent: Response | Awaitable[Response] = self._inner.send(request, timeout)
        return sent

    def close(self) -> Any:
        return self._inner.close()


def _is_of(request: tuple[str, str], operation: tuple[str, str]) -> bool:
    """Return True if a request is one of an operation of the document."""
    method, path = request
    parts, template = path.split("/"), operation[1].split("/")
    return (
        method == operation[0]
        and len(parts) == len(template)
        and all(expected.startswith("{") or part == expected for part, expected in zip(parts, template, strict=True))
    )


def test_the_calls_are_those_of_the_document() -> None:
    assert CALLS.keys() == OPERATIONS.keys()


def test_every_operation_has_a_method(target: str) -> None:
    with Client(target) as inner:
        requests: list[tuple[str, str]] = []
        client = Client(transport=_Recorded(inner.transport, requests))
        seen: dict[str, Any] = {}
        for operation, call in CALLS.items():
            index: Any = client.index("films")
            index.present = seen["listVersions"][1] if "listVersions" in seen else None
            requests.clear()
            try:
                found = call(client, index)
            except ChangeNotFound as error:
                found = error
            seen[operation] = list(found) if hasattr(found, "__next__") or operation == "listVectors" else found
            assert _is_of(requests[0], OPERATIONS[operation])
        _expected(seen)


async def test_every_operation_has_an_asynchronous_method(target: str) -> None:
    async with AsyncClient(target) as inner:
        requests: list[tuple[str, str]] = []
        client = AsyncClient(transport=_Recorded(inner.transport, requests))  # type: ignore[arg-type]
        seen: dict[str, Any] = {}
        for operation, call in CALLS.items():
            index: Any = client.index("films")
            index.present = seen["listVersions"][1] if "listVersions" in seen else None
            requests.clear()
            seen[operation] = await _value(call(client, index))
            assert _is_of(requests[0], OPERATIONS[operation])
        _expected(seen)


async def _value(found: Awaitable[Any] | AsyncIterator[Any]) -> Any:
    try:
        return await found if isawaitable(found) else [each async for each in found]
    except ChangeNotFound as error:
        return error


def test_any_id_can_be_looked_up_and_removed(target: str) -> None:
    ids = ["plain", "a/b", "é ü+", "50%25", "what?", "#1", "/a", "..", "a\nb"]
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add(ids=ids, vectors=[[1, number] for number in range(len(ids))])
        for number, vector_id in enumerate(ids):
            assert films.vector(vector_id).id == films[vector_id].id == vector_id
            assert films.remove(vector_id).count == len(ids) - number - 1
            assert vector_id not in films
