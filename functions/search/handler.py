"""POST /indexes/{name}/search: find the nearest vectors."""

from typing import Any

from vectord import runtime
from vectord.edge import bodies, http, parts
from vectord.edge.consistency import staleness
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.formats import components
from vectord.service import Match, Reading


def search(request: Request, service: Reading) -> Reply:
    body = bodies.decode(request.body, bodies.SearchBody)
    found = service.search(
        request.path["name"],
        components(body.vector),
        body.k,
        request.until,
        recall=body.recall,
        ef_search=body.ef_search or 0,
        vectors="vector" in body.include,
        staleness=staleness(body.consistency, body.max_staleness),
    )
    answer = found.answer
    shown = {
        "matches": [_shown(match, body.include) for match in answer.matches],
        "count": answer.count,
        "strategy": answer.strategy,
        "plan": answer.plan,
        "examined": answer.examined,
        "bytes_read": found.read_bytes,
        "requests": found.requests,
    }
    return http.unless_held(request, Reply(shown, headers={"ETag": found.etag}))


def _shown(match: Match, include: list[Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": match.id, "distance": match.distance}
    if "metadata" in include:
        shown["metadata"] = match.metadata
    if "vector" in include:
        shown["vector"] = match.vector.tolist()
    return shown


ROUTES: dict[str, http.Route[Reading]] = {"POST /indexes/{name}/search": search}

lambda_handler = parts.handler(http.handler(ROUTES, runtime.reading), runtime.reading)
