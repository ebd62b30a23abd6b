"""Every response fits Lambda's limit of 6 MB, including the JSON around the body."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api

LIMIT = 6 * 1024 * 1024


def sent(answer: Answer) -> int:
    return len(json.dumps({"statusCode": answer.status, "body": answer.text}, ensure_ascii=False).encode())


def test_whitespace_in_metadata_counts_at_its_escaped_size(ephemeral: Api) -> None:
    ephemeral.create()
    blank = "\n" * 4_000_000
    ephemeral.send(
        "POST", "/indexes/t/vectors", f'{{"vectors": [{{"id": "a", "vector": [1, 0], "metadata": [{blank}]}}]}}'
    )
    answer = ephemeral.search([1, 0])
    assert answer.status == 413
    assert "metadata" in answer.json["detail"]


@pytest.mark.parametrize("body", [{"distance": "\x00" * 900_000}, {"distance": "x" * 6_000_000}, {"x" * 6_000_000: 1}])
def test_an_error_response_does_not_repeat_the_whole_request(ephemeral: Api, body: dict[str, Any]) -> None:
    answer = ephemeral.create(**body)
    assert answer.status in {413, 422}
    assert sent(answer) < 20_000


def test_an_error_for_many_long_ids_lists_those_that_fit_and_counts_the_rest(ephemeral: Api) -> None:
    ephemeral.create()
    answer = ephemeral.add(*({"id": "\x01" * 256, "vector": []} for _ in range(3_800)))
    assert answer.status == 422
    assert sent(answer) <= LIMIT
    assert len(answer.json["errors"]) + answer.json["errors_omitted"] == 3_800


def test_an_index_name_with_a_lone_surrogate_is_not_found(ephemeral: Api) -> None:
    route = "GET /indexes/{name}"
    assert ephemeral.invoke(route, {"routeKey": route, "pathParameters": {"name": "\ud800"}}).status == 404
