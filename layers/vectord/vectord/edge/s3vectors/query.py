"""QueryVectors: a search whose answer may need several pages, all of the state that the first one used."""

import sys
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import structs

from vectord.edge import handler
from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import answers, filters, records, tokens
from vectord.edge.s3vectors import vector_shapes as shapes
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.edge.s3vectors.faults import FieldError, FieldsInvalid, ShapeInvalid
from vectord.edge.s3vectors.names import IndexName
from vectord.errors import RequestInvalid, VersionNotFound
from vectord.index.kernels.distance import F32, as_float32, invalid_vector_reason
from vectord.index.query.query import Answer, Match, Query, distance_of
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Distance
from vectord.service.membership import bucket_index_of
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import ReadOptions

if TYPE_CHECKING:
    from vectord.edge.s3vectors.query_texts import Texts

_GONE: Final = (
    "The index was changed since the first page, and the state that it had then no longer exists. Start again without "
    "a nextToken."
)


class _Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the state of the index, its last match, and how many matches all pages so far had.

    `etag` and `created` name the state; `rank` and `key` are those of the match: what orders the matches, which is the
    distance, the relevance or the score.
    """

    etag: str
    created: int
    rank: Annotated[float, msgspec.Meta(ge=0, le=sys.float_info.max)]
    key: str
    returned: Annotated[int, msgspec.Meta(ge=1, lt=shapes.MAX_TOP_K)]


class _Found(msgspec.Struct, frozen=True):
    """The matches of a search, and the state in which they were found."""

    answer: Answer
    metric: Distance
    etag: str
    created: int


class _Page(msgspec.Struct, frozen=True):
    """The vectors of one page, and where the next one starts, None after the last page."""

    vectors: Sequence[shapes.QueryOutputVector]
    metric: Distance
    next: _Position | None


def query_vectors(request: Request, endpoint: Endpoint) -> Reply:
    """Return the `topK` best matches: the nearest to a vector, the most relevant for texts, or by the ranks of both."""
    body = decode(request.body, shapes.QueryVectorsInput)
    name, texts = endpoint.index(request, body, "read"), _texts(body)
    search = _Search(request, endpoint, name, body, _query(body, texts), texts)
    page = search.first_page() if body.next_token is None else search.further_page(body.next_token)
    token = None if page.next is None else search.token(page.next)
    return Reply(shapes.QueryVectorsOutput(vectors=page.vectors, distance_metric=page.metric, next_token=token))


def _query(body: shapes.QueryVectorsInput, texts: "Texts | None") -> Query:
    """Return the query for the first page.

    Raises:
        FieldsInvalid: `topK` is too large, or the query vector, the texts or the filter are not valid.
        RequestInvalid: it has neither a query vector nor texts.
    """
    if body.query_vector is None and body.query_texts is None:
        raise RequestInvalid("A request must have queryVector, queryTexts, or both")
    if body.top_k > shapes.MAX_TOP_K:
        reason = f"Value at '/topK' failed to satisfy constraint: Member must be between 1 and {shapes.MAX_TOP_K}"
        raise ShapeInvalid([FieldError("/topK", f"{reason}, inclusive")])
    query = Query(
        body.top_k,
        () if body.query_vector is None else (_vector(body.query_vector),),
        filter=filters.read_filter(body.filter),
        include_vectors=False,
        include_metadata=body.return_metadata is True,
        paged=True,
        max_bytes=handler.MAX_ANSWER,
    )
    return query if texts is None else texts.added_to(query)


def _texts(body: shapes.QueryVectorsInput) -> "Texts | None":
    """Return the texts of a query, None if it has none."""
    if body.query_texts is None:
        return None
    from vectord.edge.s3vectors.query_texts import Texts  # noqa: PLC0415  few queries have texts

    return Texts(body.query_texts, body.return_scores is True)


def _vector(data: shapes.VectorData) -> F32:
    try:
        return as_float32(records.components(data))
    except RequestInvalid as error:
        raise _vector_invalid(str(error)) from error


class _Search(msgspec.Struct, frozen=True):
    """One request for a page of a query."""

    request: Request
    endpoint: Endpoint
    name: IndexName
    body: shapes.QueryVectorsInput
    query: Query
    texts: "Texts | None"

    def first_page(self) -> _Page:
        """Return the first page. If there are more pages, it is exact as they are, so that they have every match."""
        page, found = self._page(self.query, None)
        if page.next is not None and (not found.answer.complete or self._is_hybrid):
            page, _ = self._page(structs.replace(self.query, recall=1.0), None)
        return page

    def further_page(self, token: str) -> _Page:
        """Return the page after the one that had `token`: what comes after its last match, in the same state.

        Raises:
            RequestInvalid: the token is not valid, or that state no longer exists.
        """
        position = tokens.decode(token, self._common(), _Position)
        rest, after = self.query.k - position.returned, (position.rank, position.key)
        further = structs.replace(self.query, k=rest, after=after)
        page, _ = self._page(structs.replace(further, recall=1.0) if self._is_hybrid else further, position)
        return page

    def token(self, position: _Position) -> str:
        """Return the token of the page that starts at a position."""
        return tokens.encode(self._common(), position)

    def _common(self) -> Sequence[Any]:
        """Return the values that must be the same on every page."""
        vectors = [_digest(vector.tobytes()) for vector in self.query.vectors]
        texts = [] if self.body.query_texts is None else [_digest(msgspec.json.encode(self.body.query_texts))]
        return "QueryVectors", self.name.native, self.body.top_k, *vectors, self.query.filter, *texts

    @property
    def _is_hybrid(self) -> bool:
        """True if ranks decide, which all depend on the whole list of the nearest rows: pages need the exact one."""
        return self.query.text is not None and bool(self.query.vectors)

    def _page(self, query: Query, position: _Position | None) -> tuple[_Page, _Found]:
        found = self._find(query, position)
        matches, metric = found.answer.matches, found.metric
        vectors = [self._shown(match, metric) for match in matches]
        count = answers.count_that_fits(vectors)
        returned = count + (0 if position is None else position.returned)
        is_last = count == len(vectors) and (not found.answer.more or returned >= self.body.top_k)
        if is_last or not count:
            return _Page(vectors, metric, None), found
        last = matches[count - 1]
        following = _Position(found.etag, found.created, _rank(last), last.id, returned)
        return _Page(vectors[:count], metric, following), found

    def _shown(self, match: Match, metric: Distance) -> shapes.QueryOutputVector:
        distance, metadata = self.body.return_distance is True, self.body.return_metadata is True
        scores = None if self.texts is None else self.texts.scores_of(match, metric)
        return answers.query_output_vector(match, metric, distance=distance, metadata=metadata, scores=scores)

    def _find(self, query: Query, position: _Position | None) -> _Found:
        """Return the matches of a query: in the present state, or in that of `position`.

        Raises:
            RequestInvalid: the state of `position` no longer exists, or the query does not fit the index.
            IndexNotFound
        """

        def search(index: SingleIndex) -> _Found | None:
            stored, state = bucket_index_of(index.index, index.name), index.snapshot.etag
            if position is not None and position.created != stored.created:
                raise RequestInvalid(_GONE)  # the index was deleted, and another one has its name
            if position is not None and position.etag != state:
                return None
            _check(self.body, query, index, stored)
            if self.texts is not None:
                self.texts.check(index.index, stored)
            answer = index.search(query).answer
            return _Found(answer, index.index.params.distance, state, stored.created)

        found = self.endpoint.run(self.request, self.name, search, for_search=True)
        if found is None and position is not None:
            earlier = ReadOptions(as_of=position.etag)
            try:
                found = self.endpoint.run(self.request, self.name, search, earlier, for_search=True)
            except VersionNotFound as error:
                raise RequestInvalid(_GONE) from error
        if found is None:
            raise RequestInvalid(_GONE)
        return found


def _check(body: shapes.QueryVectorsInput, query: Query, index: SingleIndex, stored: BucketIndex) -> None:
    """Raise RequestInvalid if a query does not fit an index."""
    params = index.index.params
    for vector in query.vectors:
        if reason := records.length_reason(len(vector), params.dimension) or invalid_vector_reason(vector, params):
            raise _vector_invalid(reason)
    if body.query_mode == "CLASSIC" and stored.mode == "ENHANCED":
        raise RequestInvalid("queryMode cannot be CLASSIC for an index whose mode is ENHANCED")
    filters.check_filterable(query.filter, stored.non_filterable)


def _rank(match: Match) -> float:
    """Return the value that orders the matches of a query, which is the score of a hybrid one."""
    if match.score is not None:
        return match.score
    return distance_of(match) if match.relevance is None else match.relevance


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _vector_invalid(reason: str) -> FieldsInvalid:
    return FieldsInvalid(f"Invalid query vector: {reason}", [FieldError("queryVector", reason)])
