"""Each error becomes a problem (RFC 9457) with a stable type and status, and without internal details."""

import inspect
import re

import pytest

from vectord import errors
from vectord.edge import problems
from vectord.errors import BadItem, VectordError

SECRET = "s3://secret-bucket/prefix: botocore.exceptions.ClientError"

# Programs branch on these: a line may be added here, none may change.
CONTRACT: list[tuple[VectordError, int, str]] = [
    (errors.MalformedJson("no JSON"), 400, "malformed-json"),
    (errors.AccessDenied("read", "t"), 403, "access-denied"),
    (errors.MalformedEncoding("no gzip"), 400, "malformed-encoding"),
    (errors.RouteNotFound("no such resource"), 404, "route-not-found"),
    (errors.IndexNotFound("t"), 404, "index-not-found"),
    (errors.VectorNotFound("t", "a"), 404, "vector-not-found"),
    (errors.VersionNotFound("t", "v1"), 404, "version-not-found"),
    (errors.ChangeNotFound("t", "0" * 32), 404, "change-not-found"),
    (errors.MethodNotAllowed("PUT", "/indexes", ["GET", "POST"]), 405, "method-not-allowed"),
    (errors.IndexExists("t"), 409, "index-exists"),
    (errors.BucketError("no such vector bucket"), 409, "vector-bucket"),
    (errors.PreconditionFailed("t"), 412, "precondition-failed"),
    (errors.RequestTooLarge("too much"), 413, "request-too-large"),
    (errors.AnswerTooLarge("too much"), 413, "answer-too-large"),
    (errors.UnsupportedEncoding("br"), 415, "unsupported-content-encoding"),
    (errors.BatchInvalid([BadItem(0, None, "bad")]), 422, "batch-invalid"),
    (errors.FilterInvalid("filter.$gtt", "unknown operator"), 422, "filter-invalid"),
    (errors.CursorInvalid(), 422, "cursor-invalid"),
    (errors.IdempotencyKeyReused("t"), 422, "idempotency-key-reused"),
    (errors.VectorsNotFound("t", ["a", "b"]), 404, "vector-not-found"),
    (errors.FileRefused("it is not an .npz file"), 422, "request-invalid"),
    (errors.OutcomeUnknown("t"), 503, "outcome-unknown"),
    (errors.PartlyApplied("t", applied=2, missed=1, unknown=0, reason="busy"), 503, "partly-applied"),
    (errors.Contended("t"), 503, "contended"),
    (errors.StorageSilent(), 503, "storage-silent"),
    (errors.Throttled(), 503, "throttled"),
    (errors.DeadlineExceeded(), 503, "deadline-exceeded"),
    (errors.BlobUnsupported("too new", "t"), 500, "index-unsupported"),
    (errors.BlobCorrupt("broken", "t"), 500, "index-corrupt"),
    (errors.ObjectNotFound(SECRET), 500, "storage-refused"),
    (errors.ObjectVersionNotFound(SECRET), 500, "storage-refused"),
    (errors.ConditionFailed(SECRET), 500, "storage-refused"),
    (errors.ObjectChanged(SECRET), 500, "storage-refused"),
    (errors.WriteConflict(SECRET), 500, "storage-refused"),
    (errors.StoreUnavailable(SECRET), 500, "storage-refused"),
    (errors.FunctionBusy(SECRET), 500, "storage-refused"),
    (errors.FunctionThrottled(SECRET), 500, "storage-refused"),
    (errors.StoreRefused(SECRET), 500, "storage-refused"),
    (errors.FolderRefused("the disk is full"), 500, "storage-refused"),
]
each_error = pytest.mark.parametrize(
    ("error", "status", "slug"), CONTRACT, ids=[type(error).__name__ for error, _, _ in CONTRACT]
)


def descendants(root: type[VectordError]) -> set[type[VectordError]]:
    """Return every class below `root`, those of other modules included."""
    below = root.__subclasses__()
    return {*below, *(one for child in below for one in descendants(child))}


@each_error
def test_an_error_keeps_its_status_and_type(error: VectordError, status: int, slug: str) -> None:
    problem = problems.problem(error)
    assert (problem.status, problem.type) == (status, f"urn:vectord:problem:{slug}")


def test_a_request_out_of_range_is_422() -> None:
    problem = problems.problem(errors.RequestInvalid("k must be 1 to 10,000, not 0"))
    assert (problem.status, problem.type) == (422, "urn:vectord:problem:request-invalid")


def test_every_leaf_of_the_exception_hierarchy_is_in_the_contract() -> None:
    ours = {one for one in descendants(VectordError) if one.__module__ == errors.__name__}
    inner = {base for one in ours for base in one.__bases__}
    assert ours - inner <= {type(error) for error, _, _ in CONTRACT} <= ours


def test_every_error_has_a_kind() -> None:
    inner = {errors.NotFound, errors.Unavailable, errors.BlobError}  # never raised themselves
    assert {one for one in descendants(VectordError) if not issubclass(one, tuple(problems.KINDS))} == inner


def test_the_docstring_draws_every_class_of_the_hierarchy() -> None:
    classes = {name for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, VectordError)}
    assert set(re.findall(r"^[│ ]*(?:[├└]── )?([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)) >= classes


@each_error
def test_a_problem_has_a_title_and_a_detail(error: VectordError, status: int, slug: str) -> None:
    problem = problems.problem(error)
    assert problem.title
    assert problem.detail


@each_error
def test_a_problem_reveals_no_internal_detail(error: VectordError, status: int, slug: str) -> None:
    problem = problems.problem(error)
    text = f"{problem.title} {problem.detail}"
    inside = {"secret-bucket", "botocore", "boto3", "Traceback", "msgspec", "vectord.", *class_names()}
    assert [word for word in inside if word in text] == []


def class_names() -> set[str]:
    return {type(error).__name__ for error, _, _ in CONTRACT}


@pytest.mark.parametrize("error", [errors.BlobCorrupt("it ends early", "films"), errors.BlobUnsupported("v9", "films")])
def test_the_problem_of_an_unreadable_index_names_it(error: VectordError) -> None:
    assert "'films'" in problems.problem(error).detail


def test_an_invalid_batch_lists_each_invalid_item() -> None:
    items = (BadItem(0, "a", "too short"), BadItem(7, None, "no id"))
    assert problems.problem(errors.BatchInvalid(items)).errors == items


@pytest.mark.slow
def test_a_long_list_of_invalid_items_is_cut_and_counts_the_rest() -> None:
    problem = problems.problem(errors.BatchInvalid([BadItem(i, "x" * 9_999, "bad") for i in range(50_000)]))
    assert len(problem.errors) + problem.errors_omitted == 50_000
    assert 1_000 <= len(problem.errors) < 50_000
    assert problem.errors[0].position == 0


def test_a_problem_of_another_kind_has_no_list_of_errors() -> None:
    assert problems.problem(errors.IndexNotFound("t")).errors == ()
