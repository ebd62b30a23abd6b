"""What a model reads when a call is refused: the argument, the rule and an example, in terms of the tools."""

import re
from typing import Any

import pytest
from tests.mcp.conftest import SPARSE, Server, refusal

ZERO = [0.0] * 384
NEW = '{"vectors": [{"id": "alien", "metadata": {"year": 1979}, "text": "A crew in space."}]}'


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search", {"k": 101}, 'k must be an integer from 1 to 100, not 101. Example: {"k": 10}'),
        ("search", {"k": "many"}, 'k must be an integer from 1 to 100, not "many". Example: {"k": 10}'),
        ("search", {"k": 1.5}, 'k must be an integer from 1 to 100, not 1.5. Example: {"k": 10}'),
        ("search", {"text": 5}, 'text must be a text, not 5. Example: {"text": "a crew in space"}'),
        ("search", {"recall": 2}, 'recall must be a number from 0.5 to 1, not 2. Example: {"recall": 0.95}'),
        ("search", {"max_distance": -1}, 'max_distance must be a number of at least 0, not -1. Example: {"max_d'),
        ("search", {"vector": ["a", 1]}, 'vector[0] must be a number, not "a". Example: {"vector": [0.25, -0.5]}'),
        ("search", {"vector": 5}, "vector must be a list of numbers, not 5. Example: "),
        ("search", {"filter": "x"}, 'filter must be an object, not "x". Example: {"filter": {"year": {"$gte": 1990}}}'),
        ("search", {"mode": "fuzzy"}, 'mode must be one of vector, words, hybrid, not "fuzzy". Example: {"mode": "hy'),
        ("search", {"sparse": [1]}, "sparse must be an object with indices, values, name, not [1]. Example: {"),
        ("search", {"sparse": {"indices": [1]}}, "sparse.values is missing: it must be a list of 1 to 4,096 numbers."),
        (
            "search",
            {"sparse": {"indices": [-1], "values": [1]}},
            "sparse.indices[0] must be an integer from 0 to 4,294,967,295, not -1.",
        ),
        ("search", {"index": None}, 'index must be a text, not null. Example: {"index": "films"}'),
        ("search", {"filters": {}}, "filters is not an argument of this tool. Did you mean filter? The arguments are"),
        ("search", {"filters": {}}, 'mode. Example: {"filter": {"year": {"$gte": 1990}}}'),
        ("search", {"zzz": 1}, "zzz is not an argument of this tool. The arguments are index, text, vector, id, k,"),
        ("get_vectors", {}, 'ids is missing: it must be a list of 1 to 100 texts. Example: {"ids": ["alien", "heat"]}'),
        ("get_vectors", {"ids": []}, "ids must be a list of 1 to 100 texts, not []."),
        ("get_vectors", {"ids": ["x"] * 101}, "ids must be a list of 1 to 100 texts, not a list of 101."),
        ("get_vectors", {"ids": ["x"], "include_vector": "perhaps"}, "include_vector must be true or false"),
        ("delete_vectors", {"ids": []}, "ids must be a list of 1 to 1,000 texts, not []."),
        ("add_vectors", {"vectors": [{"text": "a"}]}, f"vectors[0].id is missing: it must be a text. Example: {NEW}"),
        ("add_vectors", {"vectors": [{"id": "a", "vec": 1}]}, "vectors[0].vec is not a member. Did you mean vector?"),
        ("add_vectors", {"vectors": {"id": 5}}, "vectors must be a list of 1 to 100 objects with id, text, vector, "),
        ("add_vectors", {"vectors": ["a"] * 5}, "And 2 more."),
        ("add_vectors", {"vectors": [{"id": "x" * 99, "text": ["y" * 99]}]}, f'not ["{"y" * 78}….'),
    ],
)
async def test_an_argument_that_is_not_valid_is_named_with_its_rule_and_an_example(
    writer: Server, tool: str, arguments: dict[str, Any], message: str
) -> None:
    found = await refusal(writer, tool, **{"index": "films", **arguments})
    assert message in found
    assert not re.search("pydantic|validation error|https?:|input_value", found)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search", {"text": ""}, "this call has none of them, or an empty text. Example:"),
        ("search", {"text": " \n"}, "The text is empty: write the words to search for."),
        ("search", {"text": "a", "id": "up"}, "Give exactly one of text, vector and id; this call has text and id."),
        ("search", {"mode": "words"}, "of text, vector and id; this call has none of them, or an empty text. Example:"),
        (
            "search",
            {"mode": "words", "text": "a", "id": "up"},
            "The mode words needs text alone, of text, vector and id",
        ),
        ("search", {"mode": "words", "id": "up"}, "this call has id. Example: {"),
        (
            "search",
            {"mode": "hybrid", "id": "up"},
            "The mode hybrid needs text, and may have one of vector and id; this",
        ),
        ("search", {"mode": "hybrid", "text": "a", "id": "up", "vector": [1]}, "this call has text and vector and id."),
        (
            "search",
            {"index": "plain", "text": "a", "mode": "hybrid"},
            "Use the mode words if the index has text_fields",
        ),
        ("search", {"index": "absent", "text": "a"}, "'absent' does not exist. list_indexes shows the names"),
        ("search", {"index": "plain", "text": "a"}, "or ask the user to start `vectord mcp` with --model NAME"),
        ("search", {"vector": ZERO}, "vector is zero"),
        ("search", {"text": "?", "mode": "words"}, "text.query has no words: no letters and no digits. Add a word"),
        ("search", {"text": "?", "mode": "hybrid", "id": "up"}, "What the API names text.query is the argument text."),
        (
            "search",
            {"text": "a" * 10_001, "mode": "words"},
            "text.query must have at most 10,000 characters, not 10,001",
        ),
        ("search", {"index": "plain", "sparse": SPARSE}, "Index 'plain' declares no sparse vectors."),
        ("search", {"sparse": {**SPARSE, "name": "bm25"}}, "sparse.name is 'bm25', which the index does not declare."),
        ("search", {"sparse": {"indices": [1, 2], "values": [1]}}, "sparse has 2 indices and 1 values"),
        ("search", {"sparse": {"indices": [1, 1], "values": [1, 2]}}, "sparse.indices has 1 more than once."),
        ("search", {"sparse": {"indices": [1], "values": [0]}}, "sparse.values[0] must be finite and not 0"),
        (
            "search",
            {"sparse": SPARSE, "text": "a", "id": "up"},
            "With sparse, give at most one of text, vector and id; this call has text and id.",
        ),
        ("delete_vectors", {}, 'this call has neither. Example: {"ids": ["alien"]}'),
        ("add_vectors", {"vectors": [{"id": "x"}]}, "exactly one of text and vector, and all of a call the same"),
        ("add_vectors", {"vectors": [{"id": "x", "text": ""}]}, "vectors[0], id 'x': the text is empty."),
        ("add_vectors", {"vectors": [{"id": "x", "vector": ZERO}]}, "vectors[0], id 'x': vector is zero"),
        ("add_vectors", {"vectors": [{"id": "", "text": "a"}]}, "vectors[0], id '': the id is empty. Correct them"),
    ],
)
async def test_a_failure_is_worded_in_terms_of_the_tools(
    writer: Server, tool: str, arguments: dict[str, Any], message: str
) -> None:
    found = await refusal(writer, tool, **{"index": "films", **arguments})
    assert message in found
    assert not re.search(r"Client\(|embedder=|(GET|POST|PUT|PATCH|DELETE) /|'errors'|rows", found)
