"""Whatever is asked, the response is one that Lambda takes: at most 6 MB of JSON around it."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api

LIMIT = 6 * 1024 * 1024


def sent(answer: Answer) -> int:
    return len(json.dumps({"statusCode": answer.status, "body": answer.text}, ensure_ascii=False).encode())


def test_metadata_full_of_whitespace_counts_as_lambda_sends_it(ephemeral: Api) -> None:
    ephemeral.create()
    blank = "\n" * 4_000_000
    ephemeral.send(
        "POST", "/indexes/t/vectors", f'{{"vectors": [{{"id": "a", "vector": [1, 0], "metadata": [{blank}]}}]}}'
    )
    answer = ephemeral.search([1, 0])
    assert answer.status == 413
    assert "metadata" in answer.json["detail"]


@pytest.mark.parametrize("body", [{"distance": "\x00" * 900_000}, {"distance": "x" * 6_000_000}, {"x" * 6_000_000: 1}])
def test_a_refusal_does_not_repeat_all_that_was_sent(ephemeral: Api, body: dict[str, Any]) -> None:
    answer = ephemeral.create(**body)
    assert answer.status in {413, 422}
    assert sent(answer) < 20_000


def test_a_refusal_of_many_odd_ids_lists_what_fits_and_counts_the_rest(ephemeral: Api) -> None:
    ephemeral.create()
    answer = ephemeral.add(*({"id": "\x01" * 256, "vector": []} for _ in range(3_800)))
    assert answer.status == 422
    assert sent(answer) <= LIMIT
    assert len(answer.json["errors"]) + answer.json["errors_omitted"] == 3_800


def test_a_name_that_is_no_unicode_is_not_found(ephemeral: Api) -> None:
    route = "GET /indexes/{name}"
    assert ephemeral.invoke(route, {"routeKey": route, "pathParameters": {"name": "\ud800"}}).status == 404
