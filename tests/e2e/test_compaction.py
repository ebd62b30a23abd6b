"""A build too large for a request runs in the compact function while adds are committed."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest

from tests.e2e.inbox import eventually
from tests.e2e.logs import lines_of
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, session

DIMENSION = 1_536
BUILT, LATE = 2_800, 2_100  # rows: just enough to be packed, and more of a tail than is left as it is
BATCH = 700  # as many as a request can carry
VECTORS = np.random.default_rng(3).standard_normal((BUILT + LATE + 10, DIMENSION)).astype("<f4")


@contextmanager
def too_little_memory(stack: Stack, function: str) -> Iterator[None]:
    """Have a function believe that it has 128 MB, too little for a build of this index."""
    functions = session().client("lambda", endpoint_url=stack.endpoint)
    name = stack.physical(function)
    wanted = functions.get_function_configuration(FunctionName=name)["MemorySize"]
    functions.update_function_configuration(FunctionName=name, MemorySize=128)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, MemorySize=wanted)


def add(api: Client, start: int, stop: int) -> None:
    for at in range(start, stop, BATCH):
        rows = range(at, min(stop, at + BATCH))
        vectors = [
            {"id": str(row), "vector": base64.b64encode(VECTORS[row].tobytes()).decode(), "metadata": {"row": row}}
            for row in rows
        ]
        api.call("POST", "/indexes/growing/vectors", {"vectors": vectors})


def envelope(stack: Stack) -> dict[str, Any]:
    blob = stack.read("_vectors/growing.lhv1")
    found: dict[str, Any] = json.loads(blob[8 : 8 + int.from_bytes(blob[4:8], "big")])
    return found


def outcomes(stack: Stack) -> list[str]:
    """What the compact function logged."""
    return [line["outcome"] for line in lines_of(stack, "CompactFunction") if "outcome" in line]


def staged(stack: Stack) -> set[str]:
    return {key for key in stack.objects() if ".staging/" in key}


@pytest.fixture(scope="module")
def before(stack: Stack) -> set[str]:
    """What others have staged: exports, which a rule of the bucket removes."""
    return staged(stack)


@pytest.fixture(scope="module")
def grown(stack: Stack, before: set[str]) -> Stack:
    """A stack with an index that was built after its load, outgrew its tail by adds, and was compacted again."""
    with closing(Client(HOST, stack.port, stack.path)) as client:
        client.call("POST", "/indexes", {"name": "growing", "dimension": DIMENSION}, expect=201)
        add(client, 0, BUILT)
        eventually(lambda: outcomes(stack) or None, "log of the first build")
        with too_little_memory(stack, "AddFunction"):
            add(client, BUILT, BUILT + LATE)
            assert envelope(stack)["graph_rows"] == BUILT
            for row in range(BUILT + LATE, len(VECTORS)):
                add(client, row, row + 1)
    eventually(lambda: outcomes(stack)[1:] or None, "log of a compaction")
    return stack


def test_the_graph_contains_the_rows_added_before(grown: Stack) -> None:
    assert envelope(grown)["graph_rows"] >= BUILT + LATE
    assert "compacted" in outcomes(grown)


def test_no_row_is_lost(grown: Stack, api: Client) -> None:
    assert api.call("GET", "/indexes/growing").body["count"] == len(VECTORS)
    for row in [0, BUILT - 1, *range(BUILT, len(VECTORS), 50), *range(BUILT + LATE, len(VECTORS))]:
        found = api.call("GET", f"/indexes/growing/vectors/{row}").body
        assert (np.array(found["vector"], "<f4") == VECTORS[row]).all()
        assert found["metadata"] == {"row": row}


def test_a_row_of_the_new_graph_is_found_at_distance_zero(grown: Stack, api: Client) -> None:
    query = {"vector": VECTORS[BUILT + 1].tolist(), "k": 1}
    [match] = api.call("POST", "/indexes/growing/search", query).body["matches"]
    assert (match["id"], match["distance"]) == (str(BUILT + 1), 0.0)


def test_staged_objects_are_removed(grown: Stack, before: set[str]) -> None:
    eventually(lambda: True if staged(grown) <= before else None, "end of staging")


def test_a_second_compaction_changes_nothing(grown: Stack) -> None:
    functions = session().client("lambda", endpoint_url=grown.endpoint)
    before = envelope(grown)
    answer = functions.invoke(FunctionName=grown.physical("CompactFunction"), Payload=json.dumps({"index": "growing"}))
    assert json.loads(answer["Payload"].read()) == {"outcome": "idle", "rows": 0, "bytes": 0}
    assert envelope(grown) == before
