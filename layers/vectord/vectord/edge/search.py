"""Convert the body of a search or recall measurement to a query, and the result to an answer."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from vectord.edge import pagination
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.bodies import RecallBody, SearchBody
from vectord.errors import RequestInvalid
from vectord.index.kernels.distance import F32, as_float32
from vectord.index.query.query import Answer, Match, Query, Result
from vectord.readers.entry import decode_base64
from vectord.service.values.results import RecallMeasurement


class _Position(msgspec.Struct, array_like=True, frozen=True):
    """The position at which a page ended: its last match, and the number of matches so far, `depth`."""

    distance: float
    id: str
    depth: int


def read_query(name: str, body: SearchBody) -> Query:
    """Return the query in the body of a search of index `name`.

    Raises:
        RequestInvalid: it has no query vector, or fields that exclude each other.
        CursorInvalid: the cursor does not belong to this search.
    """
    if [body.vector, body.vectors, body.id].count(None) != 2:
        raise RequestInvalid("A search must have exactly one of 'vector', 'vectors' and 'id'.")
    after = None
    if body.after is not None:
        if body.vectors is not None:
            raise RequestInvalid(
                "after cannot be combined with 'vectors': only a search with one query has further pages."
            )
        after = pagination.decode_cursor(body.after, _cursor_request(name, body), _Position)
    vectors = [body.vector] if body.vector is not None else body.vectors or []
    return Query(
        body.k,
        _decode_vectors(vectors),
        body.id,
        body.recall,
        body.ef_search or 0,
        filter_text(body.filter),
        after=(after.distance, after.id) if after else None,
        depth=after.depth if after else 0,
        max_distance=body.max_distance,
        include_vectors="vector" in body.include,
    )


def read_probes(body: RecallBody) -> Query:
    """Return the query in the body of a recall measurement; without vectors, stored vectors are sampled.

    Raises:
        RequestInvalid: the list of vectors is empty.
    """
    if body.vectors is not None and not body.vectors:
        raise RequestInvalid("'vectors' is empty: leave it out to sample stored vectors.")
    return Query(
        body.k, _decode_vectors(body.vectors or ()), None, body.recall, body.ef_search or 0, filter_text(body.filter)
    )


def _decode_vectors(vectors: Sequence[list[float] | str]) -> tuple[F32, ...]:
    """Return query vectors, numbers or base64 of little-endian float32, as float32.

    Raises:
        RequestInvalid: a text is not base64, or not a whole number of float32.
    """
    return tuple([_decode_vector(one, position, len(vectors)) for position, one in enumerate(vectors)])


def _decode_vector(vector: list[float] | str, position: int, count: int) -> F32:
    if not isinstance(vector, str):
        return as_float32(np.fromiter(vector, np.float64, len(vector)))
    try:
        return as_float32(decode_base64(vector))
    except RequestInvalid as error:
        if count == 1:
            raise
        raise RequestInvalid(f"vectors[{position}]: {error}") from error


def filter_text(raw: msgspec.Raw) -> str | None:
    """Return the JSON text of a filter in a body, None if the field is absent or null."""
    text = bytes(raw).decode()
    return None if text in {"", "null"} else text


def search_answer(
    name: str, body: SearchBody, result: Result, milliseconds: float
) -> vector_answers.Search | vector_answers.Searches:
    """Return the answer to a search; for several query vectors it has a list of `results`."""
    cost = result.read_bytes, result.requests, round(milliseconds, 3)
    if body.vectors is not None:
        results = [vector_answers.Found(*_answer_fields(answer, body)) for answer in result.answers]
        return vector_answers.Searches(results, *cost)
    [answer] = result.answers
    return vector_answers.Search(*_answer_fields(answer, body), *cost, _next_cursor(name, body, answer.matches))


def recall_answer(measurement: RecallMeasurement) -> vector_answers.Recall:
    """Return the answer to a recall measurement."""
    measured = measurement.measured
    return vector_answers.Recall(
        recall=round(sum(measured.recalls) / len(measured.recalls), 6) if measured.recalls else None,
        k=measurement.k,
        queries=len(measured.recalls),
        count=measurement.count,
        strategies=sorted(set(measured.strategies)),
        milliseconds=_quantiles(measured.seconds),
        exact_milliseconds=_quantiles(measured.exact_seconds),
        calibration=measurement.curves,
    )


def _answer_fields(answer: Answer, body: SearchBody) -> tuple[list[vector_answers.Match], int, int, str, str, int]:
    metadata, vectors = "metadata" in body.include, "vector" in body.include
    matches = [
        vector_answers.Match(
            match.id,
            match.distance,
            match.metadata if metadata else msgspec.UNSET,
            vector_answers.vector_value(match.vector, body.vector_encoding)
            if vectors and match.vector is not None
            else msgspec.UNSET,
        )
        for match in answer.matches
    ]
    return matches, answer.count, answer.eligible, answer.strategy, answer.plan, answer.examined


def _next_cursor(name: str, body: SearchBody, matches: Sequence[Match]) -> str | None:
    """Return the cursor of the next page, None if this page is not full."""
    if len(matches) < body.k:
        return None
    depth = (
        pagination.decode_cursor(body.after, _cursor_request(name, body), _Position).depth
        if body.after is not None
        else 0
    )
    last = matches[-1]
    return pagination.encode_cursor(
        _cursor_request(name, body), _Position(last.distance, last.id, depth + len(matches))
    )


def _cursor_request(name: str, body: SearchBody) -> Sequence[Any]:
    """Return the values that must be the same on every page of a search."""
    return "search", name, body.vector, body.id, body.filter, body.max_distance, body.as_of


def _quantiles(seconds: Sequence[float]) -> vector_answers.Quantiles:
    if not seconds:
        return vector_answers.Quantiles()
    ascending = sorted(seconds)
    p50, p99 = (round(ascending[int(share * (len(ascending) - 1))] * 1000, 3) for share in (0.5, 0.99))
    return vector_answers.Quantiles(p50, p99)
