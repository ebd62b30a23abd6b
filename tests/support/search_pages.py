"""All pages of a search, by the cursors that the answers contain."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from vectord.edge import search as edge
from vectord.edge.schemas import bodies, vector_answers
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.index.query.query import Query, Result

type Page = vector_answers.Search
# Answers the query of one page, as `Service.search` does.
type Search = Callable[[Query], Result]


def page(search: Search, body: dict[str, Any]) -> Page:
    """Return the page that a request body asks for."""
    decoded = bodies.decode(json.dumps(body).encode(), SearchBody)
    answer = edge.search_answer("t", decoded, search(edge.read_query("t", decoded, {})), 0.0)
    assert isinstance(answer, vector_answers.Search)
    return answer


def pages(search: Search, body: dict[str, Any], at_most: int = 1_000) -> Iterator[Page]:
    """Yield the pages of a search, from the one that `body` asks for to the last."""
    for _ in range(at_most):
        answer = page(search, body)
        yield answer
        if answer.next is None:
            return
        body = {**body, "after": answer.next}
    raise AssertionError(f"more than {at_most} pages")
