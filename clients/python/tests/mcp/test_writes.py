"""The tools that change indexes; over stdio with a folder and with a server, and in process."""

from typing import Any

import pytest
from mcp import Client as McpClient
from tests.mcp.conftest import Server, answer, connection, refusal


async def test_a_server_with_write_has_two_more_tools_with_destructive_hints(writer: Server) -> None:
    async with McpClient(writer) as client:
        tools, instructions = {tool.name: tool for tool in (await client.list_tools()).tools}, client.instructions or ""
    hints = {name: tool.annotations.destructive_hint for name, tool in tools.items() if tool.annotations}
    assert [name for name, destructive in hints.items() if destructive] == ["add_vectors", "delete_vectors"]
    assert "ask the user before you delete" in instructions


async def test_vectors_are_added_by_text_and_by_numbers_and_deleted(target: str) -> None:
    async with connection(target, write=True) as client:
        seven = {"id": "seven", "text": "Two detectives hunt a murderer.", "metadata": {"year": 1995}}
        added = await answer(client, "add_vectors", index="films", vectors=[seven])
        assert added == {"added": 1, "replaced": 0, "count": 4}
        found = await answer(client, "search", index="films", text="Who hunts the murderer?", k=1)
        assert found["matches"][0]["id"] == "seven"
        numbers = [{"id": "a", "vector": [0, 1], "metadata": "new"}, {"id": "c", "vector": [1, 1]}]
        assert await answer(client, "add_vectors", index="plain", vectors=numbers) == {
            "added": 1,
            "replaced": 1,
            "count": None,
        }
        dry = await answer(client, "delete_vectors", index="films", filter={"year": 1995}, dry_run=True)
        assert (dry["deleted"], dry["dry_run"]) == (2, True)
        assert await answer(client, "count_vectors", index="films") == {"count": 4}
        deleted = await answer(client, "delete_vectors", index="films", ids=["heat", "absent"])
        assert deleted == {"deleted": 1, "count": 3, "dry_run": False}


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("add_vectors", {"vectors": []}, "vectors"),
        ("add_vectors", {"vectors": [{"id": "x"}]}, "exactly one of text and vector"),
        ("add_vectors", {"vectors": [{"id": "x", "text": "a", "vector": [1]}]}, "exactly one of text and vector"),
        ("add_vectors", {"vectors": [{"id": "x", "text": "a"}, {"id": "y", "vector": [1]}]}, "the same one"),
        ("add_vectors", {"vectors": [{"id": "x", "vector": [1, 2]}]}, "384 components, not 2"),
        ("add_vectors", {"vectors": [{"id": "", "text": "a"}]}, "the id is empty"),
        ("add_vectors", {"vectors": [{"id": "x", "text": "a", "meta": 1}]}, "meta"),
        ("delete_vectors", {}, "exactly one of ids and filter"),
        ("delete_vectors", {"ids": ["up"], "filter": {"year": 2009}}, "exactly one of ids and filter"),
        ("delete_vectors", {"ids": []}, "ids"),
        ("delete_vectors", {"filter": {}}, "matches all 3 vectors"),
        ("delete_vectors", {"filter": {"$not": {"nope": 1}}}, "matches all 3 vectors"),
        ("delete_vectors", {"filter": {"year": {"$exists": 5}}}, "$exists"),
        ("delete_vectors", {"filer": {"year": 2009}, "ids": ["up"]}, "filer"),
    ],
)
async def test_a_change_that_is_not_valid_changes_nothing(
    writer: Server, tool: str, arguments: dict[str, Any], message: str
) -> None:
    assert message in await refusal(writer, tool, index="films", **arguments)
    assert await answer(writer, "count_vectors", index="films") == {"count": 3}
