"""Each problem type has an error class with its fields."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.raw_server import answer, problem, raw_server

import vectord_client
from vectord_client import BadItem, BatchInvalid, Client, Problem, RetryPolicy, VectordError, errors
from vectord_client.wire.failures import PROBLEMS

ROOT = Path(__file__).parents[4]
ONCE = RetryPolicy(attempts=1)


def _raised(kind: type[VectordError], script: bytes) -> VectordError:
    """Return the error that an answer raises."""
    with raw_server(script) as server, Client(server.url, retries=ONCE) as client, pytest.raises(kind) as raised:
        client.index("films").add([("a", [1, 2])])
    return raised.value


def _types_in_openapi() -> set[str]:
    return set(re.findall(r"urn:vectord:problem:([a-z-]+)", (ROOT / "docs/openapi.json").read_text()))


def _types_in_errors() -> set[str]:
    """Return the types in the first table of docs/errors.md."""
    rows = re.findall(r"^\| (\d{3}) \| ((?:`[a-z-]+`(?:, )?)+) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    return {kind for _, kinds in rows for kind in re.findall(r"`([a-z-]+)`", kinds)}


def test_every_type_of_the_documents_has_a_class() -> None:
    assert _types_in_openapi() <= PROBLEMS.keys()
    assert PROBLEMS.keys() == _types_in_errors()


def test_every_class_belongs_to_one_type() -> None:
    assert len(set(PROBLEMS.values())) == len(PROBLEMS)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_an_answer_raises_the_class_of_its_type(kind: str) -> None:
    headers = {"retry-after": "3", "apigw-requestid": "abc="}
    error = _raised(PROBLEMS[kind], problem(503, kind, "what happened", headers))
    assert type(error) is PROBLEMS[kind]
    assert (error.status, error.type, error.title) == (503, f"urn:vectord:problem:{kind}", "Title")
    assert (error.detail, error.retry_after, error.request_id) == ("what happened", 3.0, "abc=")
    assert "what happened" in str(error)
    assert "abc=" in str(error)


def test_a_type_of_a_later_version_is_a_plain_problem() -> None:
    error = _raised(Problem, problem(418, "teapot"))
    assert (type(error), error.type) == (Problem, "urn:vectord:problem:teapot")


def test_a_refused_batch_lists_its_items() -> None:
    body = {
        "type": "urn:vectord:problem:batch-invalid",
        "title": "Some items of the batch are not valid",
        "status": 422,
        "detail": "5 items are not valid.",
        "errors": [{"position": n, "id": f"id-{n}", "reason": "vector is too short"} for n in range(4)],
        "errors_omitted": 1,
    }
    error = _raised(BatchInvalid, answer(422, body))
    assert error.errors[1] == BadItem(1, "id-1", "vector is too short")
    assert error.errors_omitted == 1
    assert "item 2, id 'id-2': vector is too short" in str(error)
    assert "and 2 more" in str(error)


def test_a_missing_vector_is_a_key_error(tmp_path: Path) -> None:
    with Client(tmp_path) as client, pytest.raises(KeyError):
        client.create_index("films", dimension=2)["unknown"]


def test_all_errors_have_the_same_attributes() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, VectordError):
            error = kind("detail")
            assert (error.status, error.errors, error.retry_after, error.request_id) == (None, (), None, None)
            assert str(error).startswith("detail")


def test_every_error_that_the_client_raises_has_a_public_name() -> None:
    own = {kind for kind in _kinds(VectordError) if ".integrations." not in kind.__module__}
    assert {kind.__name__ for kind in own} - set(vectord_client.__all__) == {"AddressUnusable"}  # of `vectord serve`


def _kinds(kind: type[VectordError]) -> Iterator[type[VectordError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
