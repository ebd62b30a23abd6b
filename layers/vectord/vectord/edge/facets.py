"""Convert the body of a request for facets to a query, and the facets to an answer."""

from collections.abc import Sequence

from msgspec import structs

from vectord.edge.filters import filter_text
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.bodies import FacetsBody
from vectord.edge.text_search import counted_terms
from vectord.filters.tree import path_of
from vectord.filters.values import Kind, value_of
from vectord.index.query.values import Facet
from vectord.service.values.results import Facets
from vectord.service.values.selection import FacetQuery


def read_facets(body: FacetsBody, text: bytes) -> FacetQuery:
    """Return the query in the body of a request for facets, whose JSON is `text`; raise as `counted_terms` does."""
    terms = counted_terms(body, text)
    return FacetQuery([path_of(path) for path in body.paths], body.limit, filter_text(body.filter), terms)


def facets_answer(paths: Sequence[str], found: Facets) -> vector_answers.Facets:
    """Return the answer with one facet for each of `paths`, which are as in the request."""
    facets = [_answer(path, facet) for path, facet in zip(paths, found.facets, strict=True)]
    return vector_answers.Facets(facets, found.count)


def _answer(path: str, facet: Facet) -> vector_answers.Facet:
    values = [vector_answers.ValueCount(value_of(key), count) for key, count in facet.counts]
    least, most = (None if number is None else _plain(number) for number in (facet.least, facet.most))
    answer = vector_answers.Facet(path, facet.rows, facet.distinct, values, least, most)
    return structs.replace(answer, approximate=True) if facet.approximate else answer


def _plain(number: int | float) -> int | float:
    """Return a whole number as an integer, as `value_of` does."""
    value = value_of((Kind.NUMBER, number))
    assert isinstance(value, int | float)
    return value
