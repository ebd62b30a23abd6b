"""What the route of a search does. Most processes of the search function serve no other one."""

from vectord.edge import handler, text_search
from vectord.edge import search as edge_search
from vectord.edge.request import Request, read_options
from vectord.edge.route import Reply
from vectord.edge.schemas import bodies
from vectord.edge.schemas.search_bodies import SearchBody, TextBody
from vectord.service.service import Service


def search(request: Request, service: Service) -> Reply:
    """Find the nearest to query vectors or a stored vector, the best for words or a sparse vector, or both."""
    start, name = service.environment.now(), request.path["name"]
    body = bodies.decode(request.body, SearchBody)
    if isinstance(body.text, TextBody) or body.sparse is not None or body.fusion is not None:
        text_search.check_repeated(request.body)
    query, read = (
        edge_search.read_query(name, body, request.headers),
        read_options(body.consistency, body.max_staleness, body.as_of),
    )
    result = service.search(name, query, request.deadline, read)
    milliseconds = (service.environment.now() - start) * 1000
    answer = edge_search.search_answer(name, body, result, milliseconds)
    return handler.reply_or_not_modified(request, Reply(answer, headers={"ETag": result.etag}))
