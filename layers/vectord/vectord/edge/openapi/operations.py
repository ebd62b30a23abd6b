"""What each route takes and answers: the table that the document is made from."""

from collections.abc import Mapping
from typing import Final

import msgspec

from vectord import errors
from vectord.edge.schemas import bodies, index_answers, queries, vector_answers
from vectord.errors import VectordError
from vectord.service.export import FORMATS

type Body = type[msgspec.Struct]
type Problems = tuple[type[VectordError], ...]

CONDITIONS: Final = ("If-Match", "If-None-Match")
UNLESS_HELD: Final = ("If-None-Match",)
KEYED: Final = (*CONDITIONS, "Idempotency-Key")

_ALWAYS: Final[Problems] = (errors.RequestInvalid, errors.StoreError, errors.StorageSilent)
_OF_A_BODY: Final[Problems] = (errors.MalformedJson, errors.RequestTooLarge)
_OF_AN_INDEX: Final[Problems] = (errors.IndexNotFound, errors.BlobCorrupt, errors.BlobUnsupported)
_OF_A_WRITE: Final[Problems] = (errors.Contended, errors.OutcomeUnknown)
_OF_A_CHANGE: Final[Problems] = (errors.PreconditionFailed, errors.IdempotencyKeyReused, errors.PartlyApplied)


class Operation(msgspec.Struct, frozen=True):
    """One route. `answers` are the bodies of `status`, of which one comes; `problems` are those of its own.

    `headers` are those of requests that it heeds, `media` the types of what it answers besides JSON.
    """

    route: str
    title: str
    status: int = 200
    answers: tuple[Body, ...] = ()
    body: Body | None = None
    query: Body | None = None
    headers: tuple[str, ...] = ()
    problems: Problems = ()
    writes: bool = False
    may_lack_body: bool = False
    media: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        return self.route.split(" ")[0].lower()

    @property
    def path(self) -> str:
        return self.route.split(" ")[1].replace("+}", "}")

    @property
    def told(self) -> Problems:
        """Every problem that it may answer."""
        found = _ALWAYS + self.problems
        found += _OF_A_BODY if self.body else ()
        found += _OF_AN_INDEX if "{name}" in self.path else ()
        return found + (_OF_A_WRITE if self.writes else ())


OPERATIONS: Final = (
    Operation(
        "POST /indexes",
        "Create an index",
        201,
        (index_answers.Made,),
        bodies.CreateBody,
        headers=CONDITIONS,
        problems=(errors.IndexExists, errors.PreconditionFailed),
        writes=True,
    ),
    Operation(
        "GET /indexes",
        "List indexes",
        answers=(index_answers.Listing,),
        query=queries.Indexes,
        problems=(errors.CursorInvalid,),
    ),
    Operation(
        "GET /indexes/{name}",
        "Describe an index",
        answers=(index_answers.Description,),
        query=queries.State,
        headers=UNLESS_HELD,
        problems=(errors.VersionNotFound,),
    ),
    Operation(
        "POST /indexes/{name}/vectors",
        "Add vectors",
        answers=(vector_answers.Added,),
        body=bodies.AddBody,
        headers=KEYED,
        problems=(errors.BatchInvalid, *_OF_A_CHANGE),
        writes=True,
    ),
    Operation(
        "GET /indexes/{name}/vectors/{id+}",
        "Look a vector up",
        answers=(vector_answers.Looked,),
        query=queries.Lookup,
        headers=UNLESS_HELD,
        problems=(errors.VectorNotFound, errors.AnswerTooLarge),
    ),
    Operation(
        "POST /indexes/{name}/vectors/get",
        "Get vectors",
        answers=(vector_answers.Gotten,),
        body=bodies.GetBody,
        headers=UNLESS_HELD,
        problems=(errors.BatchInvalid, errors.AnswerTooLarge),
    ),
    Operation(
        "GET /indexes/{name}/vectors",
        "List vectors",
        answers=(vector_answers.Page,),
        query=queries.Vectors,
        headers=UNLESS_HELD,
        problems=(errors.CursorInvalid, errors.FilterInvalid, errors.MalformedJson, errors.AnswerTooLarge),
    ),
    Operation(
        "POST /indexes/{name}/vectors/count",
        "Count vectors",
        answers=(vector_answers.Counted,),
        body=bodies.CountBody,
        headers=UNLESS_HELD,
        problems=(errors.FilterInvalid,),
        may_lack_body=True,
    ),
    Operation(
        "POST /indexes/{name}/search",
        "Search",
        answers=(vector_answers.Search, vector_answers.Searches),
        body=bodies.SearchBody,
        headers=UNLESS_HELD,
        problems=(
            *(errors.FilterInvalid, errors.CursorInvalid, errors.VectorNotFound, errors.VersionNotFound),
            errors.AnswerTooLarge,
        ),
    ),
    Operation(
        "POST /indexes/{name}/recall",
        "Measure recall",
        answers=(vector_answers.Recall,),
        body=bodies.RecallBody,
        headers=UNLESS_HELD,
        problems=(errors.FilterInvalid, errors.VersionNotFound),
        may_lack_body=True,
    ),
    Operation("POST /indexes/{name}/warm", "Warm an index", answers=(vector_answers.Warmed,)),
    Operation(
        "PATCH /indexes/{name}/vectors",
        "Change metadata",
        answers=(vector_answers.Patched,),
        body=bodies.PatchBody,
        headers=KEYED,
        problems=(errors.BatchInvalid, errors.FilterInvalid, errors.VectorsNotFound, *_OF_A_CHANGE),
        writes=True,
    ),
    Operation(
        "DELETE /indexes/{name}/vectors/{id+}",
        "Delete a vector",
        answers=(vector_answers.Deleted,),
        headers=KEYED,
        problems=(errors.VectorNotFound, *_OF_A_CHANGE),
        writes=True,
    ),
    Operation(
        "POST /indexes/{name}/vectors/delete",
        "Delete vectors",
        answers=(vector_answers.Deleted,),
        body=bodies.DeleteBody,
        headers=KEYED,
        problems=(errors.BatchInvalid, errors.FilterInvalid, *_OF_A_CHANGE),
        writes=True,
    ),
    Operation(
        "GET /indexes/{name}/versions",
        "List versions",
        answers=(index_answers.Versions,),
        query=queries.Versions,
        problems=(errors.CursorInvalid,),
    ),
    Operation(
        "POST /indexes/{name}/restore",
        "Restore a version",
        answers=(index_answers.Made,),
        body=bodies.RestoreBody,
        headers=CONDITIONS,
        problems=(errors.VersionNotFound, errors.PreconditionFailed),
        writes=True,
    ),
    Operation(
        "POST /indexes/{name}/copy",
        "Copy an index",
        201,
        (index_answers.Made,),
        bodies.CopyBody,
        problems=(errors.IndexExists, errors.VersionNotFound),
        writes=True,
    ),
    Operation(
        "POST /indexes/{name}/uploads",
        "Upload a file",
        answers=(index_answers.Upload,),
        body=bodies.UploadBody,
    ),
    Operation(
        "GET /indexes/{name}/export",
        "Export an index",
        answers=(index_answers.Export,),
        query=queries.Export,
        headers=UNLESS_HELD,
        problems=(errors.VersionNotFound, errors.AnswerTooLarge),
        media=tuple(FORMATS.values()),
    ),
    Operation(
        "DELETE /indexes/{name}",
        "Delete an index",
        204,
        headers=CONDITIONS,
        problems=(errors.PreconditionFailed,),
        writes=True,
    ),
    Operation("GET /openapi.json", "Read the OpenAPI document"),
)
BY_ROUTE: Final[Mapping[str, Operation]] = {operation.route: operation for operation in OPERATIONS}
