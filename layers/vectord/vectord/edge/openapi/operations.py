"""The table of operations: parameters, bodies, answers and problems of each route."""

from typing import Final

import msgspec

from vectord import errors
from vectord.edge.schemas import bodies, change_answers, index_answers, queries, search_bodies, vector_answers
from vectord.errors import VectordError
from vectord.writers.export import FORMATS

type Body = type[msgspec.Struct]
type Problems = tuple[type[VectordError], ...]

PRECONDITIONS: Final = ("If-Match", "If-None-Match")
NOT_MODIFIED: Final = ("If-None-Match",)
WRITE_HEADERS: Final = (*PRECONDITIONS, "Idempotency-Key", "Prefer")

_COMMON_PROBLEMS: Final[Problems] = (errors.RequestInvalid, errors.StoreError, errors.StorageSilent)
_BODY_PROBLEMS: Final[Problems] = (
    *(errors.MalformedJson, errors.MalformedEncoding),
    *(errors.RequestTooLarge, errors.UnsupportedEncoding),
)
_INDEX_PROBLEMS: Final[Problems] = (
    *(errors.IndexNotFound, errors.DeadlineExceeded, errors.Throttled),
    *(errors.BlobCorrupt, errors.BlobUnsupported),
)
_WRITE_PROBLEMS: Final[Problems] = (errors.Contended, errors.OutcomeUnknown)
_CHANGE_PROBLEMS: Final[Problems] = (errors.PreconditionFailed, errors.IdempotencyKeyReused, errors.PartlyApplied)


class Operation(msgspec.Struct, frozen=True):
    """One route.

    `answers` are the possible bodies of a response with `status`; `media` are its content types other than JSON.
    `headers` are the request headers that the route reads; `problems` are those that are specific to the route.
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
    body_is_optional: bool = False
    media: tuple[str, ...] = ()

    @property
    def may_be_queued(self) -> bool:
        return "Prefer" in self.headers

    @property
    def opens_index(self) -> bool:
        """True if the index in the path must exist."""
        return "{name}" in self.path and "{token}" not in self.path and self.method != "put"

    @property
    def method(self) -> str:
        return self.route.split(" ")[0].lower()

    @property
    def path(self) -> str:
        return self.route.split(" ")[1].replace("+}", "}")

    @property
    def all_problems(self) -> Problems:
        """Every problem that the route may answer."""
        problems = _COMMON_PROBLEMS + self.problems
        problems += _BODY_PROBLEMS if self.body else ()
        problems += (errors.AccessDenied,) if "{name}" in self.path or self.writes else ()
        problems += _INDEX_PROBLEMS if self.opens_index else ()
        return problems + (_WRITE_PROBLEMS if self.writes else ())


OPERATIONS: Final = (
    Operation(
        "POST /indexes",
        "Create an index",
        201,
        (index_answers.Made,),
        bodies.CreateBody,
        headers=PRECONDITIONS,
        problems=(errors.IndexExists, errors.PreconditionFailed),
        writes=True,
    ),
    Operation(
        "PUT /indexes/{name}",
        "Create an index by name",
        201,
        (index_answers.Made,),
        bodies.PutIndexBody,
        headers=PRECONDITIONS,
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
        headers=NOT_MODIFIED,
        problems=(errors.VersionNotFound,),
    ),
    Operation(
        "PATCH /indexes/{name}",
        "Change an index",
        answers=(index_answers.Made,),
        body=bodies.ChangeIndexBody,
        headers=PRECONDITIONS,
        problems=(errors.PreconditionFailed,),
        writes=True,
    ),
    Operation(
        "POST /indexes/{name}/vectors",
        "Add vectors",
        answers=(vector_answers.Added,),
        body=bodies.AddBody,
        headers=WRITE_HEADERS,
        problems=(errors.BatchInvalid, *_CHANGE_PROBLEMS),
        writes=True,
    ),
    Operation(
        "GET /indexes/{name}/vectors/{id+}",
        "Look a vector up",
        answers=(vector_answers.Looked,),
        query=queries.Lookup,
        headers=NOT_MODIFIED,
        problems=(errors.VectorNotFound, errors.AnswerTooLarge),
    ),
    Operation(
        "POST /indexes/{name}/vectors/get",
        "Get vectors",
        answers=(vector_answers.Gotten,),
        body=bodies.GetBody,
        headers=NOT_MODIFIED,
        problems=(errors.BatchInvalid, errors.CursorInvalid, errors.AnswerTooLarge),
    ),
    Operation(
        "GET /indexes/{name}/vectors",
        "List vectors",
        answers=(vector_answers.Page,),
        query=queries.Vectors,
        headers=NOT_MODIFIED,
        problems=(errors.CursorInvalid, errors.FilterInvalid, errors.AnswerTooLarge),
    ),
    Operation(
        "POST /indexes/{name}/vectors/count",
        "Count vectors",
        answers=(vector_answers.Counted,),
        body=bodies.CountBody,
        headers=NOT_MODIFIED,
        problems=(errors.FilterInvalid, errors.VersionNotFound),
        body_is_optional=True,
    ),
    Operation(
        "POST /indexes/{name}/vectors/facets",
        "Count values",
        answers=(vector_answers.Facets,),
        body=bodies.FacetsBody,
        headers=NOT_MODIFIED,
        problems=(errors.FilterInvalid, errors.AnswerTooLarge, errors.VersionNotFound),
    ),
    Operation(
        "POST /indexes/{name}/search",
        "Search",
        answers=(vector_answers.Search, vector_answers.Searches),
        body=search_bodies.SearchBody,
        headers=NOT_MODIFIED,
        problems=(
            *(errors.FilterInvalid, errors.CursorInvalid, errors.VectorNotFound, errors.VersionNotFound),
            errors.AnswerTooLarge,
        ),
    ),
    Operation(
        "POST /indexes/{name}/recall",
        "Measure recall",
        answers=(vector_answers.Recall,),
        body=search_bodies.RecallBody,
        headers=NOT_MODIFIED,
        problems=(errors.FilterInvalid, errors.VersionNotFound),
        body_is_optional=True,
    ),
    Operation("POST /indexes/{name}/warm", "Warm an index", answers=(vector_answers.Warmed,)),
    Operation(
        "PATCH /indexes/{name}/vectors",
        "Change metadata",
        answers=(vector_answers.Patched,),
        body=bodies.PatchBody,
        headers=WRITE_HEADERS,
        problems=(errors.BatchInvalid, errors.FilterInvalid, errors.VectorsNotFound, *_CHANGE_PROBLEMS),
        writes=True,
    ),
    Operation(
        "DELETE /indexes/{name}/vectors/{id+}",
        "Delete a vector",
        answers=(vector_answers.Deleted,),
        headers=WRITE_HEADERS,
        problems=(errors.VectorNotFound, *_CHANGE_PROBLEMS),
        writes=True,
    ),
    Operation(
        "POST /indexes/{name}/vectors/delete",
        "Delete vectors",
        answers=(vector_answers.Deleted,),
        body=bodies.DeleteBody,
        headers=WRITE_HEADERS,
        problems=(errors.BatchInvalid, errors.FilterInvalid, *_CHANGE_PROBLEMS),
        writes=True,
    ),
    Operation(
        "GET /indexes/{name}/changes/{token}",
        "Read a change",
        answers=(change_answers.Change,),
        problems=(errors.ChangeNotFound,),
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
        headers=PRECONDITIONS,
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
        headers=NOT_MODIFIED,
        problems=(errors.VersionNotFound, errors.AnswerTooLarge),
        media=tuple(FORMATS.values()),
    ),
    Operation(
        "DELETE /indexes/{name}",
        "Delete an index",
        204,
        headers=PRECONDITIONS,
        problems=(errors.PreconditionFailed,),
        writes=True,
    ),
    Operation("GET /openapi.json", "Read the OpenAPI document"),
)
