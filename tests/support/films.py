"""The index `t` of 12 films, and requests to it."""

from typing import Any

from tests.support.api import Answer, Api

YEARS = {f"film-{i}": 1970 + i for i in range(12)}


def ask(api: Api, what: str, body: Any = None, **more: Any) -> Answer:
    return api.send("POST", f"/indexes/t/vectors/{what}", body, **more)


def page(api: Api, name: str = "t", **query: str) -> Answer:
    return api.send("GET", f"/indexes/{name}/vectors", query=query)


def all_pages(api: Api, **query: str) -> list[dict[str, Any]]:
    shown = []
    while True:
        answer = page(api, **query)
        assert answer.status == 200
        shown += answer.json["vectors"]
        if answer.json["next"] is None:
            return shown
        query["cursor"] = answer.json["next"]


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")
