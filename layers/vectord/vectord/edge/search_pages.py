"""Pages of a search: how many matches fit into an answer, and the cursor of the page after them."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import structs

from vectord.edge import handler, pagination, text_search
from vectord.edge.filters import canonical
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.errors import AnswerTooLarge
from vectord.index.query.query import BEFORE_ALL, Answer, TextStatistics, distance_of, key_of_seen

_MAX_FLOAT: Final = sys.float_info.max
BEFORE_THE_BEST: Final = (_MAX_FLOAT, "")  # a score and an id before those of every match

type _Seen = tuple[tuple[float, bytes], ...]  # matches of earlier pages, as distance or score, and key of the id


class Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the distance, relevance or score of its last match, and its id.

    The first page may have missed rows nearer than its last match. Its position is therefore BEFORE_ALL, and `seen` has
    its matches. A later page keeps those of them that it has not passed. A hybrid search has all earlier matches in
    `seen`, and the position after a first page that may have missed rows is BEFORE_THE_BEST. With `statistics`, those
    of the first page, every page of a search by words computes the same relevances.
    """

    after: tuple[Annotated[float, msgspec.Meta(ge=0, le=_MAX_FLOAT)], str]
    seen: _Seen = ()
    statistics: TextStatistics | None = None

    @property
    def keys(self) -> frozenset[bytes]:
        return frozenset(key for _, key in self.seen)


class _SparsePosition(msgspec.Struct, array_like=True, frozen=True):
    """A position of a search by a sparse vector alone, whose relevances may be negative."""

    after: tuple[Annotated[float, msgspec.Meta(ge=-_MAX_FLOAT, le=_MAX_FLOAT)], str]
    seen: _Seen = ()
    statistics: None = None


def position_of(name: str, body: SearchBody) -> Position | None:
    """Return where the page before ended, None for the first page of a search.

    Raises:
        CursorInvalid: the cursor does not belong to this search.
    """
    if body.after is None:
        return None
    request = _cursor_request(name, body)
    if body.sparse is None or _is_hybrid(body):
        return pagination.decode_cursor(body.after, request, Position)
    found = pagination.decode_cursor(body.after, request, _SparsePosition)
    return Position(found.after, found.seen)


def fitted(name: str, body: SearchBody, answer: Answer, search: vector_answers.Search) -> vector_answers.Search:
    """Return the answer with its cursor; if it would be too large to send, with as many matches as fit.

    Raises:
        AnswerTooLarge: the first match alone does not fit.
    """
    position = position_of(name, body) if body.after is not None else None
    seen = position.seen if position else ()
    cursor_bytes = _bound_of_cursor(body, answer, seen)
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
    cursor = pagination.encode_cursor(_cursor_request(name, body), _next_position(body, answer, shown, seen))
    return structs.replace(search, matches=search.matches[:shown], next=cursor)


def _next_position(body: SearchBody, answer: Answer, shown: int, seen: _Seen) -> Position:
    """Return the position after the first `shown` matches of an answer, if `seen` were matches of earlier pages."""
    matches, known = answer.matches[:shown], answer.statistics
    if _is_hybrid(body):
        all_seen = *seen, *((match.score or 0.0, key_of_seen(match.id)) for match in matches)
        after = (matches[-1].score or 0.0, matches[-1].id) if answer.complete else BEFORE_THE_BEST
        return Position(after, all_seen, known)
    if _is_by_terms(body):
        return Position((matches[-1].relevance or 0.0, matches[-1].id), (), known)
    if not answer.complete:  # only a first page is not
        return Position(BEFORE_ALL, tuple((distance_of(match), key_of_seen(match.id)) for match in matches))
    last = matches[-1]
    return Position((distance_of(last), last.id), tuple(one for one in seen if one[0] >= distance_of(last)))


def _is_by_terms(body: SearchBody) -> bool:
    """Return True if a search has words or a sparse vector."""
    return body.text is not None or body.sparse is not None


def _is_hybrid(body: SearchBody) -> bool:
    has_vector = body.vector is not None or body.id is not None
    return _is_by_terms(body) and (has_vector or (body.text is not None and body.sparse is not None))


def _bound_of_cursor(body: SearchBody, answer: Answer, seen: _Seen) -> int:
    """Return a bound of the bytes of the cursor of the next page."""
    count = len(seen) if answer.complete else len(answer.matches)
    if _is_by_terms(body):
        count = len(seen) + len(answer.matches) if _is_hybrid(body) else 0
    known = 0 if answer.statistics is None else 2 * len(msgspec.msgpack.encode(answer.statistics))
    return 2_000 + 38 * count + known


def _bound_of_size(matches: Sequence[vector_answers.Match]) -> int:
    """Return a bound of the bytes that a response has without its cursor; it is quick to compute.

    A character of a text is at most 6 bytes of JSON, a component of a vector 25, all other members of a match 100 (with
    a relevance 200, with two 300), those of a term 200, those of an index 160, and a span of a highlight 20. The
    response is a JSON string, in which a byte of JSON may become two.
    """
    size = 10_000
    for match in matches:
        metadata = len(match.metadata) if isinstance(match.metadata, msgspec.Raw) else 4
        vector = 0 if match.vector is msgspec.UNSET else len(match.vector)
        size += 12 * len(match.id) + 2 * metadata + 25 * vector + 200
        size += 0 if match.relevance is msgspec.UNSET else 200
        size += 0 if match.sparse_relevance is msgspec.UNSET else 100
        if isinstance(match.explanation, vector_answers.Explanation):
            size += sum(12 * (len(one.field) + len(one.term)) + 400 for one in match.explanation.terms)
            size += 160 * len(match.explanation.indices or ())
        if match.highlights is not msgspec.UNSET:
            size += sum(_bound_of_highlight(one) for one in match.highlights)
    return size


def _bound_of_highlight(found: vector_answers.Highlight) -> int:
    at = sum(12 * len(key) if isinstance(key, str) else 10 for key in found.at) + 6 * len(found.at)
    return 12 * len(found.field) + at + 20 * len(found.spans) + 100


def _cursor_request(name: str, body: SearchBody) -> Sequence[Any]:
    """Return the values that must be the same on every page of a search."""
    filter_ = canonical(body.filter) if body.filter else None
    common = "search", name, body.vector, body.id, filter_, body.max_distance, body.as_of
    if not _is_by_terms(body):
        return common
    text, sparse = text_search.words_of(body), text_search.sparse_of(body)
    words = text and (text.query, sorted(text.fields.items()), text.match, text.prefix, text.min_relevance)
    return *common, words, text_search.fusion_of(body), sparse
