"""The changes of vectors: each reads its request, and is applied at once or checked before it is queued."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from vectord.edge import handler, vectors
from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.schemas import bodies, queries, vector_answers
from vectord.errors import VectorNotFound, VectorsNotFound
from vectord.readers.entry import Entry
from vectord.readers.matrix import EntryMatrix
from vectord.service.service import Service
from vectord.service.values.results import Deleted
from vectord.service.values.selection import Selection
from vectord.service.write_checks import check_add, check_delete, check_patch


class VectorWrite(msgspec.Struct, frozen=True):
    """A change of vectors: `apply` commits it, `operation` is its name in the audit log.

    `check` raises what can be refused without a commit, and returns the identity of the index; None if the request
    changes nothing.
    """

    apply: Callable[[Request, Service], Reply]
    check: Callable[[Request, Service], str | None]
    operation: str


def add(request: Request, service: Service) -> Reply:
    """Add or replace a batch of vectors."""
    result = service.add(request.path["name"], _batch(request), request.deadline, request.write_options)
    return Reply(
        vector_answers.Added(result.added, result.replaced, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.added + result.replaced},
    )


def _batch(request: Request) -> Sequence[Entry]:
    batch = request.event.get("batch")  # in process: an event of Lambda is JSON, and cannot have it
    if isinstance(batch, EntryMatrix):
        return batch
    return bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)


def _check_add(request: Request, service: Service) -> str:
    return check_add(service, request.path["name"], _batch(request), request.deadline, request.write_options)


def patch(request: Request, service: Service) -> Reply:
    """Change the metadata of vectors."""
    body = bodies.decode(request.body, bodies.PatchBody)
    result = service.patch(
        request.path["name"],
        vectors.read_selection(body.ids, body.filter),
        vectors.read_patch(body),
        request.deadline,
        request.write_options,
    )
    return Reply(
        vector_answers.Patched(result.patched, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.patched},
    )


def _check_patch(request: Request, service: Service) -> str:
    body = bodies.decode(request.body, bodies.PatchBody)
    selection, change = vectors.read_selection(body.ids, body.filter), vectors.read_patch(body)
    return check_patch(service, request.path["name"], selection, change, request.deadline, write=request.write_options)


def delete_vector(request: Request, service: Service) -> Reply:
    """Delete one vector by its path."""
    queries.check(request.query, queries.NoParameters)
    name, vector_id = request.path["name"], request.path["id"]
    selection = Selection([vector_id], must_exist=True)
    try:
        result = service.delete(name, selection, request.deadline, request.write_options)
    except VectorsNotFound as error:
        raise VectorNotFound(name, vector_id) from error
    if not result.deleted:  # an earlier version recorded the key of a deletion that found no vector
        raise VectorNotFound(name, vector_id)
    return _deleted(result)


def _check_delete_vector(request: Request, service: Service) -> str:
    queries.check(request.query, queries.NoParameters)
    selection = Selection([request.path["id"]], must_exist=True)
    return check_delete(service, request.path["name"], selection, request.deadline, request.write_options)


def delete_vectors(request: Request, service: Service) -> Reply:
    """Delete several vectors by the ids or the filter in a body."""
    name, body = request.path["name"], bodies.decode(request.body, bodies.DeleteBody)
    write = request.write_options
    selection = vectors.read_deletion(body)
    if body.dry_run:
        counted = service.would_delete(name, selection, request.deadline, write)
        return Reply(
            vector_answers.Deleted(counted.deleted, counted.count, dry_run=True),
            headers=handler.etag_header(counted.etag),
            audit={"rows": 0},
        )
    return _deleted(service.delete(name, selection, request.deadline, write))


def _check_delete_vectors(request: Request, service: Service) -> str | None:
    body = bodies.decode(request.body, bodies.DeleteBody)
    selection = vectors.read_deletion(body)
    if body.dry_run:
        return None
    return check_delete(service, request.path["name"], selection, request.deadline, request.write_options)


def _deleted(result: Deleted) -> Reply:
    return Reply(
        vector_answers.Deleted(result.deleted, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.deleted},
    )


WRITES: Final[Mapping[str, VectorWrite]] = {
    "POST /indexes/{name}/vectors": VectorWrite(add, _check_add, "add-vectors"),
    "PATCH /indexes/{name}/vectors": VectorWrite(patch, _check_patch, "change-metadata"),
    "DELETE /indexes/{name}/vectors/{id+}": VectorWrite(delete_vector, _check_delete_vector, "delete-vector"),
    "POST /indexes/{name}/vectors/delete": VectorWrite(delete_vectors, _check_delete_vectors, "delete-vectors"),
}
