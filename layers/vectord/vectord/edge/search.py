"""Convert the body of a search or recall measurement to a query, and the result to an answer."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.edge import handler, search_pages, text_search
from vectord.edge.filters import filter_text
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.search_bodies import RecallBody, SearchBody
from vectord.errors import RequestInvalid
from vectord.index.kernels.distance import F32, as_float32
from vectord.index.query.explanations import Explanation, Highlight
from vectord.index.query.query import Answer, Fusion, Query, Result
from vectord.readers.entry import decode_base64
from vectord.service.values.results import RecallMeasurement

_NO_TERMS: Final = (None, None, None, None)

type _Fields = tuple[list[vector_answers.Match], int, int, str, str, int, int, int]  # of `vector_answers.Found`


def read_query(name: str, body: SearchBody, headers: Mapping[str, str]) -> Query:
    """Return the query in the body of a search of index `name`; `headers` are those of the request.

    Raises:
        RequestInvalid: it has no query vector, or fields that exclude each other.
        CursorInvalid: the cursor does not belong to this search.
    """
    terms = body.text, body.sparse
    if (*terms, body.fusion, body.min_relevance) != _NO_TERMS or [body.vector, body.vectors, body.id].count(None) != 2:
        text_search.check_combination(body)
    if body.after is not None and body.vectors is not None:
        raise RequestInvalid("after cannot be combined with 'vectors': only a search with one query has further pages.")
    position = search_pages.position_of(name, body) if body.after is not None else None
    vectors = [body.vector] if body.vector is not None else body.vectors or []
    return Query(
        body.k,
        _decode_vectors(vectors),
        body.id,
        body.recall,
        body.ef_search or 0,
        filter_text(body.filter) if body.filter else None,
        after=position.after if position else None,
        seen=position.keys if position else frozenset(),
        max_distance=body.max_distance,
        include_vectors="vector" in body.include,
        include_metadata="metadata" in body.include,
        paged=body.vectors is None,
        max_bytes=handler.MAX_ANSWER if body.vectors is None else handler.max_answer(headers),
        text=None if body.text is None else text_search.words_of(body),
        fusion=text_search.fusion_of(body) if body.fusion is not None else Fusion(),
        explain=body.explain,
        highlight=body.highlight,
        statistics=position.statistics if position else None,
        sparse=None if body.sparse is None else text_search.sparse_of(body),
    )


def read_probes(body: RecallBody) -> Query:
    """Return the query in the body of a recall measurement; without vectors, stored vectors are sampled.

    Raises:
        RequestInvalid: the list of vectors is empty.
    """
    if body.vectors is not None and not body.vectors:
        raise RequestInvalid("'vectors' is empty: leave it out to sample stored vectors.")
    return Query(
        body.k,
        _decode_vectors(body.vectors or ()),
        None,
        body.recall,
        body.ef_search or 0,
        filter_text(body.filter),
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


def search_answer(
    name: str, body: SearchBody, result: Result, milliseconds: float
) -> vector_answers.Search | vector_answers.Searches:
    """Return the answer to a search; for several query vectors it has a list of `results`."""
    cost = result.read_bytes, result.requests, result.rounds, round(milliseconds, 3)
    if body.vectors is not None:
        results = [vector_answers.Found(*_answer_fields(answer, body)) for answer in result.answers]
        return vector_answers.Searches(results, *cost)
    [answer] = result.answers
    return search_pages.fitted(name, body, answer, vector_answers.Search(*_answer_fields(answer, body), *cost, None))


def _or_unset[T](value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def _explanation(found: Explanation, body: SearchBody) -> vector_answers.Explanation:
    return vector_answers.Explanation(
        [vector_answers.TermShare(*msgspec.structs.astuple(term)) for term in found.terms],
        _or_unset(found.vector_rank),
        _or_unset(found.text_rank),
        _or_unset(found.sparse_rank),
        msgspec.UNSET
        if body.sparse is None
        else [vector_answers.IndexShare(*msgspec.structs.astuple(share)) for share in found.indices],
    )


def _highlights(found: Sequence[Highlight]) -> list[vector_answers.Highlight]:
    return [vector_answers.Highlight(each.field, list(each.at), list(each.spans)) for each in found]


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
            _or_unset(match.distance),
            match.metadata if metadata else msgspec.UNSET,
            vector_answers.vector_value(match.vector, body.vector_encoding)
            if vectors and match.vector is not None
            else msgspec.UNSET,
            _or_unset(match.relevance),
            _or_unset(match.score),
            _explanation(match.explanation, body) if match.explanation else msgspec.UNSET,
            msgspec.UNSET if match.highlights is None else _highlights(match.highlights),
            _or_unset(match.sparse_relevance),
        )
        for match in answer.matches
    ]
    where = answer.strategy, answer.plan, answer.partitions, answer.entries
    return matches, answer.count, answer.eligible, *where, answer.examined


def _quantiles(seconds: Sequence[float]) -> vector_answers.Quantiles:
    if not seconds:
        return vector_answers.Quantiles()
    ascending = sorted(seconds)
    p50, p99 = (round(ascending[int(share * (len(ascending) - 1))] * 1000, 3) for share in (0.5, 0.99))
    return vector_answers.Quantiles(p50, p99)
