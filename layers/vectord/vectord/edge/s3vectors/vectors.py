"""PutVectors, GetVectors, ListVectors and DeleteVectors."""

from typing import Final

from vectord.edge import handler
from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import answers, records, tokens
from vectord.edge.s3vectors import vector_shapes as shapes
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.edge.s3vectors.shapes import EmptyOutput
from vectord.errors import AnswerTooLarge, BatchInvalid, RequestInvalid
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import UNCONDITIONAL
from vectord.service.values.results import Added
from vectord.service.values.selection import ListQuery, Members, Place, Selection

_DEFAULT_PAGE: Final = 500
_FEWER: Final = "Get fewer vectors at a time, or leave out returnData or returnMetadata."
# Bytes of float32 that one page of a listing reads; as JSON numbers they have some five times as many.
_MAX_DATA: Final = handler.MAX_ANSWER // 4


def put_vectors(request: Request, endpoint: Endpoint) -> Reply:
    """Add or replace vectors with their metadata; if one of them is not valid, none is stored."""
    body = decode(request.body, shapes.PutVectorsInput)
    name, batch = endpoint.index(request, body, "write"), records.entries(body.vectors)

    def add(index: SingleIndex) -> Added:
        try:
            return index.add(batch, UNCONDITIONAL)
        except BatchInvalid as error:
            raise records.records_invalid(error, batch, index.index.params.dimension) from error

    added = endpoint.run(request, name, add)
    rows = {"rows": added.added + added.replaced}
    return Reply(EmptyOutput(), headers=handler.etag_header(added.etag), audit=rows)


def get_vectors(request: Request, endpoint: Endpoint) -> Reply:
    """Return the stored ones of some vectors, in the order of their keys in the request."""
    body = decode(request.body, shapes.GetVectorsInput)
    name, keys = endpoint.index(request, body, "read"), list(dict.fromkeys(body.keys))
    data, metadata = body.return_data is True, body.return_metadata is True
    members = Members(metadata, data, handler.MAX_ANSWER)
    found = endpoint.run(request, name, lambda index: index.get(keys, members))
    if found.read < len(keys):
        raise AnswerTooLarge(
            f"The answer would have more than the {handler.MAX_ANSWER:,} bytes of a response. {_FEWER}"
        )
    vectors = [answers.output_vector(one, data=data, metadata=metadata) for one in found.vectors]
    return Reply(shapes.GetVectorsOutput(vectors=vectors), to_shorten=_FEWER)


def list_vectors(request: Request, endpoint: Endpoint) -> Reply:
    """List vectors, or a segment of them; a page ends at `maxResults` or when it is as large as an answer may be."""
    body = decode(request.body, shapes.ListVectorsInput)
    name, (segment, segments) = endpoint.index(request, body, "read"), _segment(body)
    data, metadata = body.return_data is True, body.return_metadata is True
    common = ("ListVectors", name.native, segment, segments)
    query = ListQuery(
        body.max_results or _DEFAULT_PAGE,
        tokens.decode(body.next_token, common, Place) if body.next_token is not None else None,
        segment=segment,
        segments=segments,
        members=Members(metadata, data, _MAX_DATA if data else handler.MAX_ANSWER),
    )
    page = endpoint.run(request, name, lambda index: index.list(query))
    vectors = [answers.output_vector(one, data=data, metadata=metadata) for one in page.vectors]
    count = answers.count_that_fits(vectors)
    place = page.next if count == len(vectors) else page.places[count - 1]
    token = None if place is None else tokens.encode(common, place)
    return Reply(shapes.ListVectorsOutput(vectors=vectors[:count], next_token=token))


def delete_vectors(request: Request, endpoint: Endpoint) -> Reply:
    """Delete vectors; keys that are not in the index are ignored."""
    body = decode(request.body, shapes.DeleteVectorsInput)
    name, selection = endpoint.index(request, body, "write"), Selection(body.keys)
    deleted = endpoint.run(request, name, lambda index: index.delete(selection, UNCONDITIONAL))
    return Reply(EmptyOutput(), headers=handler.etag_header(deleted.etag), audit={"rows": deleted.deleted})


def _segment(body: shapes.ListVectorsInput) -> tuple[int, int]:
    """Return the index of a segment, from 0, and the number of segments.

    Raises:
        RequestInvalid: only one of them is given, or there is no such segment.
    """
    index, count = body.segment_index, body.segment_count
    if index is None and count is None:
        return 0, 1
    if index is None or count is None:
        raise RequestInvalid("Must specify both segmentCount and segmentIndex, or neither")
    if index >= count:
        raise RequestInvalid(f"segmentIndex must be less than segmentCount: 0 to {count - 1}, not {index}")
    return index, count
