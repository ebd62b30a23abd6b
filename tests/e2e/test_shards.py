"""A sharded index on the deployed stack: its functions invoke themselves under their own roles."""

import json

from tests.e2e.inbox import Inbox, eventually
from tests.e2e.logs import lines_of
from tools.stack.client import Client, Json
from tools.stack.stack import Stack

ROWS: list[Json] = [{"id": f"row-{i}", "vector": [1, i, 0], "metadata": {"n": i}} for i in range(40)]


def parts_done(stack: Stack, function: str, index: str) -> int | None:
    """Count the parts of an index that invocations of a function have logged; None before there is one."""
    lines = lines_of(stack, function)
    return sum(line.get("shard", "").startswith(f"{index}/") for line in lines) or None


def test_a_sharded_index_from_creation_to_deletion(api: Client, stack: Stack) -> None:
    created = api.call("POST", "/indexes", {"name": "wide", "dimension": 3, "shards": 5}, expect=201).body
    assert created["index"]["shards"] == 5
    assert api.call("POST", "/indexes/wide/vectors", {"vectors": ROWS}).body["added"] == 40
    found = api.call("POST", "/indexes/wide/search", {"vector": [1, 7, 0], "k": 3, "recall": 1}).body
    assert [match["id"] for match in found["matches"]] == ["row-7", "row-8", "row-6"]
    assert (found["count"], found["matches"][0]["metadata"]) == (40, {"n": 7})
    assert [one["name"] for one in api.call("GET", "/indexes?prefix=wide").body["indexes"]] == ["wide"]
    gone = {"ids": [row["id"] for row in ROWS[:30]]}
    assert api.call("POST", "/indexes/wide/vectors/delete", gone).body["deleted"] == 30
    assert api.call("GET", "/indexes/wide").body["count"] == 10
    for function in ("AddFunction", "SearchFunction", "DeleteFunction"):
        done = eventually(lambda function=function: parts_done(stack, function, "wide"), f"part done by {function}")
        assert done == 5
    api.call("DELETE", "/indexes/wide", expect=204)
    assert not [key for key in stack.objects() if "/wide" in key]


def test_an_uploaded_file_reaches_every_shard(api: Client, inbox: Inbox) -> None:
    api.call("POST", "/indexes", {"name": "fed", "dimension": 3, "shards": 3}, expect=201)
    inbox.put("uploads/fed/rows.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in ROWS))
    assert inbox.outcomes("fed", 1) == ["committed"]
    shards = api.call("GET", "/indexes/fed").body["shards"]
    assert sum(shard["count"] for shard in shards) == 40
    assert min(shard["count"] for shard in shards) > 0
    api.call("DELETE", "/indexes/fed", expect=204)


def test_a_failed_creation_leaves_no_shard(api: Client, stack: Stack) -> None:
    api.call("POST", "/indexes", {"name": "taken", "dimension": 3}, expect=201)
    api.call("POST", "/indexes", {"name": "taken", "dimension": 3, "shards": 4}, expect=409)
    assert [key for key in stack.objects() if "/taken" in key] == ["_vectors/taken.lhv1"]
    api.call("DELETE", "/indexes/taken", expect=204)
