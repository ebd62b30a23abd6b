"""What the other routes of the search function do: measure recall, warm an index, read vectors and values."""

from typing import Final

from vectord.edge import facets as edge_facets
from vectord.edge import handler, pages, text_search, vectors
from vectord.edge import search as edge_search
from vectord.edge.filters import filter_text
from vectord.edge.request import Request, read_options, read_options_in
from vectord.edge.route import Reply
from vectord.edge.schemas import bodies, search_bodies, vector_answers
from vectord.service.service import Service

FEWER_VALUES: Final = "Ask for a smaller limit or fewer paths."


def recall(request: Request, service: Service) -> Reply:
    """Measure recall and latency of searches. A request may have no body."""
    body = bodies.decode(request.body or b"{}", search_bodies.RecallBody)
    query, read = edge_search.read_probes(body), read_options(body.consistency, body.max_staleness, body.as_of)
    measured = service.recall(request.path["name"], query, request.deadline, read, sample_size=body.sample)
    return handler.reply_or_not_modified(
        request, Reply(edge_search.recall_answer(measured), headers={"ETag": measured.etag})
    )


def warm(request: Request, service: Service) -> Reply:
    """Fetch the whole index into the cache of this function instance."""
    start = service.environment.now()
    warmed = service.warm(request.path["name"], request.deadline)
    milliseconds = round((service.environment.now() - start) * 1000, 3)
    answer = vector_answers.Warmed(warmed.size, warmed.read_bytes, warmed.requests, milliseconds)
    return Reply(answer, headers={"ETag": warmed.etag})


def get_vectors(request: Request, service: Service) -> Reply:
    """Return stored vectors by their ids; ids that do not exist are left out."""
    body = bodies.decode(request.body, bodies.GetBody)
    read = read_options(body.consistency, body.max_staleness)
    lookup = pages.read_lookup(request.path["name"], body)
    found = service.get(request.path["name"], lookup.ids, request.deadline, read, lookup.members)
    answer = pages.lookup_answer(lookup, found)
    return handler.reply_or_not_modified(request, Reply(answer, headers=handler.etag_header(found.etag)))


def list_vectors(request: Request, service: Service) -> Reply:
    """Return a page of the vectors, in the order of the hashes of their ids or of the values at a metadata path."""
    name, read = request.path["name"], read_options_in(request.query)
    listing = vectors.read_listing(name, request.query)
    page = service.list_vectors(name, listing.query, request.deadline, read)
    answer = pages.listing_answer(listing, page)
    return handler.reply_or_not_modified(request, Reply(answer, headers=handler.etag_header(page.etag)))


def count_vectors(request: Request, service: Service) -> Reply:
    """Count the vectors that a filter, and words or a sparse vector, find; all of them without a body."""
    body = bodies.decode(request.body or b"{}", bodies.CountBody)
    read = read_options(body.consistency, body.max_staleness, body.as_of)
    words = text_search.counted_terms(body, request.body)
    counted = service.count(request.path["name"], filter_text(body.filter), request.deadline, read, words)
    return handler.reply_or_not_modified(
        request, Reply(vector_answers.Counted(counted.count), headers=handler.etag_header(counted.etag))
    )


def count_values(request: Request, service: Service) -> Reply:
    """Count the distinct values at metadata paths (facets)."""
    body = bodies.decode(request.body, bodies.FacetsBody)
    query = edge_facets.read_facets(body, request.body)
    read = read_options(body.consistency, body.max_staleness, body.as_of)
    found = service.facets(request.path["name"], query, request.deadline, read)
    answer = edge_facets.facets_answer(body.paths, found)
    reply = Reply(answer, headers=handler.etag_header(found.etag), to_shorten=FEWER_VALUES)
    return handler.reply_or_not_modified(request, reply)
