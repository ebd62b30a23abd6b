"""A search's body as the service takes it, and what the service finds as the body of an answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from vectord.edge import pagination
from vectord.edge.request import Request
from vectord.edge.schemas import bodies, vector_answers
from vectord.edge.schemas.bodies import Include, RecallBody, SearchBody
from vectord.edge.schemas.consistency import staleness
from vectord.errors import RequestInvalid
from vectord.index.query.query import Answer, Match
from vectord.readers.entry import components
from vectord.service.query import Ask
from vectord.service.reading import Reading
from vectord.service.results import SearchOutcome

if TYPE_CHECKING:
    from vectord.service.recall import Recalled, Recalls


class _Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the last match, and how many stood before the next."""

    distance: float
    id: str
    depth: int


def found(request: Request, body: SearchBody, service: Reading) -> SearchOutcome:
    """Return what the search of `body` finds.

    Raises:
        RequestInvalid, CursorInvalid: it asks for nothing, for too much or for what does not go together.
        FilterInvalid, and what the service raises
    """
    name, vectors = request.path["name"], "vector" in body.include
    if [body.vector, body.vectors, body.id].count(None) != 2:
        raise RequestInvalid("A search takes one of 'vector', 'vectors' and 'id'.")
    ask = _ask(name, body)
    if body.id is not None:
        return service.near(name, body.id, ask, request.until, vectors=vectors)
    queries = [body.vector] if body.vector is not None else body.vectors or []
    return service.search_many(name, list(map(components, queries)), ask, request.until, vectors=vectors)


def recalled(request: Request, recalls: "Recalls") -> "Recalled":
    """Return what the measurement of a body finds.

    Raises:
        RequestInvalid, FilterInvalid, and what the service raises
    """
    body = bodies.decode(request.body or b"{}", RecallBody)
    ask = Ask(
        body.k,
        body.recall,
        body.ef_search or 0,
        staleness(body.consistency, body.max_staleness),
        body.as_of,
        _text(body.filter),
    )
    if body.vectors is None:
        return recalls.recall(request.path["name"], ask, request.until, sampled=body.sample)
    if not body.vectors:
        raise RequestInvalid("'vectors' is empty: leave it out to sample stored vectors.")
    queries = [components(vector) for vector in body.vectors]
    return recalls.recall(request.path["name"], ask, request.until, queries=queries)


def shown_recall(found: "Recalled") -> vector_answers.Recall:
    """Return the body of the answer to a measurement."""
    measured = found.measured
    return vector_answers.Recall(
        recall=_mean(measured.recalls),
        k=found.k,
        queries=len(measured.recalls),
        count=found.count,
        strategies=sorted(set(measured.strategies)),
        milliseconds=_quantiles(measured.seconds),
        exact_milliseconds=_quantiles(measured.exact_seconds),
        calibration=found.curves,
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 6) if values else None


def _quantiles(seconds: Sequence[float]) -> vector_answers.Quantiles:
    if not seconds:
        return vector_answers.Quantiles()
    ascending = sorted(seconds)
    p50, p99 = (round(ascending[int(share * (len(ascending) - 1))] * 1000, 3) for share in (0.5, 0.99))
    return vector_answers.Quantiles(p50, p99)


def shown(
    name: str, body: SearchBody, searched: SearchOutcome, milliseconds: float
) -> vector_answers.Search | vector_answers.Searches:
    """Return the body of the answer; that of many queries has a list of `results`."""
    took = searched.read_bytes, searched.requests, round(milliseconds, 3)
    if body.vectors is not None:
        results = [vector_answers.Found(*_found(answer, body.include)) for answer in searched.answers]
        return vector_answers.Searches(results, *took)
    return vector_answers.Search(
        *_found(searched.answer, body.include), *took, _next(name, body, searched.answer.matches)
    )


def _found(answer: Answer, include: Sequence[Include]) -> tuple[list[vector_answers.Match], int, int, str, str, int]:
    matches = [_match(match, include) for match in answer.matches]
    return matches, answer.count, answer.eligible, answer.strategy, answer.plan, answer.examined


def _ask(name: str, body: SearchBody) -> Ask:
    after = None
    if body.after is not None:
        if body.vectors is not None:
            raise RequestInvalid("after continues the search for one query, not for 'vectors'.")
        after = pagination.decode_cursor(body.after, _pages_of(name, body), _Place)
    return Ask(
        body.k,
        body.recall,
        body.ef_search or 0,
        staleness(body.consistency, body.max_staleness),
        body.as_of,
        _text(body.filter),
        (),
        (after.distance, after.id) if after else None,
        after.depth if after else 0,
        body.max_distance,
    )


def _next(name: str, body: SearchBody, matches: Sequence[Match]) -> str | None:
    if len(matches) < body.k:
        return None
    before = pagination.decode_cursor(body.after, _pages_of(name, body), _Place).depth if body.after is not None else 0
    last = matches[-1]
    return pagination.encode_cursor(_pages_of(name, body), _Place(last.distance, last.id, before + len(matches)))


def _pages_of(name: str, body: SearchBody) -> Sequence[Any]:
    """Return what must be the same in each page of a search."""
    return "search", name, body.vector, body.id, body.filter, body.max_distance, body.as_of


def _match(match: Match, include: Sequence[Include]) -> vector_answers.Match:
    return vector_answers.Match(
        match.id,
        match.distance,
        match.metadata if "metadata" in include else msgspec.UNSET,
        match.vector.tolist() if "vector" in include and match.vector is not None else msgspec.UNSET,
    )


def _text(raw: msgspec.Raw) -> str | None:
    """Return JSON text, None where the field was absent or null."""
    text = bytes(raw).decode()
    return None if text in {"", "null"} else text
