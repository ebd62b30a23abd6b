"""Convert the body of a search or recall measurement to a query, and the result to an answer."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.edge import handler, pagination
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.search_bodies import RecallBody, SearchBody
from vectord.errors import AnswerTooLarge, FilterInvalid, RequestInvalid
from vectord.index.kernels.distance import F32, as_float32
from vectord.index.query.query import BEFORE_ALL, Answer, Query, Result, distance_of, key_of_seen
from vectord.readers.entry import decode_base64
from vectord.service.values.results import RecallMeasurement

MAX_FILTER: Final = 6 << 20  # characters; the values of a longer filter could fill the memory

_MAX_FLOAT: Final = sys.float_info.max

type _Fields = tuple[list[vector_answers.Match], int, int, str, str, int, int, int]  # of `vector_answers.Found`
type _Seen = tuple[tuple[float, bytes], ...]  # matches of earlier pages, as distance and key of the id


class _Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the distance and id of its last match.

    The first page may have missed rows nearer than its last match. Its position is therefore BEFORE_ALL, and `seen` has
    its matches. A later page keeps those of them that it has not passed.
    """

    after: tuple[Annotated[float, msgspec.Meta(ge=0, le=_MAX_FLOAT)], str]
    seen: _Seen = ()


def read_query(name: str, body: SearchBody, headers: Mapping[str, str]) -> Query:
    """Return the query in the body of a search of index `name`; `headers` are those of the request.

    Raises:
        RequestInvalid: it has no query vector, or fields that exclude each other.
        CursorInvalid: the cursor does not belong to this search.
    """
    if [body.vector, body.vectors, body.id].count(None) != 2:
        raise RequestInvalid("A search must have exactly one of 'vector', 'vectors' and 'id'.")
    position = None
    if body.after is not None:
        if body.vectors is not None:
            raise RequestInvalid(
                "after cannot be combined with 'vectors': only a search with one query has further pages."
            )
        position = _position(name, body, body.after)
    vectors = [body.vector] if body.vector is not None else body.vectors or []
    return Query(
        body.k,
        _decode_vectors(vectors),
        body.id,
        body.recall,
        body.ef_search or 0,
        filter_text(body.filter),
        after=position.after if position else None,
        seen=frozenset(key for _, key in position.seen) if position else frozenset(),
        max_distance=body.max_distance,
        include_vectors="vector" in body.include,
        include_metadata="metadata" in body.include,
        paged=body.vectors is None,
        max_bytes=handler.MAX_ANSWER if body.vectors is None else handler.max_answer(headers),
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
    """Return the JSON text of a filter in a body, None if the field is absent or null.

    Raises:
        FilterInvalid: it is longer than MAX_FILTER.
    """
    text = bytes(raw).decode()
    if len(text) > MAX_FILTER:
        raise FilterInvalid("filter", f"has more than {MAX_FILTER >> 20} MB. Send several requests.")
    return None if text in {"", "null"} else text


def search_answer(
    name: str, body: SearchBody, result: Result, milliseconds: float
) -> vector_answers.Search | vector_answers.Searches:
    """Return the answer to a search; for several query vectors it has a list of `results`."""
    cost = result.read_bytes, result.requests, result.rounds, round(milliseconds, 3)
    if body.vectors is not None:
        results = [vector_answers.Found(*_answer_fields(answer, body)) for answer in result.answers]
        return vector_answers.Searches(results, *cost)
    [answer] = result.answers
    return _fitted(name, body, answer, vector_answers.Search(*_answer_fields(answer, body), *cost, None))


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


def _answer_fields(answer: Answer, body: SearchBody) -> _Fields:
    metadata, vectors = "metadata" in body.include, "vector" in body.include
    matches = [
        vector_answers.Match(
            match.id,
            distance_of(match),
            match.metadata if metadata else msgspec.UNSET,
            vector_answers.vector_value(match.vector, body.vector_encoding)
            if vectors and match.vector is not None
            else msgspec.UNSET,
        )
        for match in answer.matches
    ]
    where = answer.strategy, answer.plan, answer.partitions, answer.entries
    return matches, answer.count, answer.eligible, *where, answer.examined


def _fitted(name: str, body: SearchBody, answer: Answer, search: vector_answers.Search) -> vector_answers.Search:
    """Return the answer with its cursor; if it would be too large to send, with as many matches as fit.

    Raises:
        AnswerTooLarge: the first match alone does not fit.
    """
    seen = _position(name, body, body.after).seen if body.after is not None else ()
    cursor_bytes = 2_000 + 38 * (len(seen) if answer.complete else len(answer.matches))  # at most
    shown = len(answer.matches)
    if cursor_bytes + _bound_of_size(search.matches) > handler.MAX_ANSWER:
        rest = structs.replace(search, matches=[], next="x" * cursor_bytes)
        shown = handler.count_that_fits(search.matches, msgspec.json.encode(rest))
        if not shown and answer.matches:
            raise AnswerTooLarge(
                "The first match alone is larger than an answer may be: leave 'vector' or 'metadata' out of 'include'."
            )
    if not answer.more and shown == len(answer.matches):
        return search
    cursor = pagination.encode_cursor(_cursor_request(name, body), _next_position(answer, shown, seen))
    return structs.replace(search, matches=search.matches[:shown], next=cursor)


def _next_position(answer: Answer, shown: int, seen: _Seen) -> _Position:
    """Return the position after the first `shown` matches of an answer, if `seen` were matches of earlier pages."""
    matches = answer.matches[:shown]
    if not answer.complete:  # only a first page is not
        return _Position(BEFORE_ALL, tuple((distance_of(match), key_of_seen(match.id)) for match in matches))
    last = matches[-1]
    return _Position((distance_of(last), last.id), tuple(one for one in seen if one[0] >= distance_of(last)))


def _bound_of_size(matches: Sequence[vector_answers.Match]) -> int:
    """Return a bound of the bytes that a response has without its cursor; it is quick to compute.

    A character of an id is at most 6 bytes of JSON, a component of a vector 25, all other members of a match 100. The
    response is a JSON string, in which a byte of JSON may become two.
    """
    size = 10_000
    for match in matches:
        metadata = len(match.metadata) if isinstance(match.metadata, msgspec.Raw) else 4
        vector = 0 if match.vector is msgspec.UNSET else len(match.vector)
        size += 12 * len(match.id) + 2 * metadata + 25 * vector + 200
    return size


def _position(name: str, body: SearchBody, cursor: str) -> _Position:
    return pagination.decode_cursor(cursor, _cursor_request(name, body), _Position)


def _cursor_request(name: str, body: SearchBody) -> Sequence[Any]:
    """Return the values that must be the same on every page of a search."""
    return "search", name, body.vector, body.id, _canonical(body.filter), body.max_distance, body.as_of


def _canonical(filter_: msgspec.Raw) -> Any:
    """Return the JSON of a filter as a value that is the same for equal filters."""
    text = filter_text(filter_)
    if text is None:
        return None
    try:
        value = msgspec.json.Decoder(float_hook=_number).decode(text)
        return msgspec.json.encode(value, order="sorted")
    except (msgspec.DecodeError, RecursionError):
        return text  # the filter is not valid, so no cursor was made for it


def _number(text: str) -> float:
    """Return a number of JSON as an int if it is one: 1.0 and 1e0 equal 1."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _quantiles(seconds: Sequence[float]) -> vector_answers.Quantiles:
    if not seconds:
        return vector_answers.Quantiles()
    ascending = sorted(seconds)
    p50, p99 = (round(ascending[int(share * (len(ascending) - 1))] * 1000, 3) for share in (0.5, 0.99))
    return vector_answers.Quantiles(p50, p99)
