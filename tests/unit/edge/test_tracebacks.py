"""A refused request leaves nothing in memory: the tracebacks of its error, and of the errors behind it, are dropped."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from tests.support import services
from vectord.edge import handler
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.errors import RequestInvalid
from vectord.service.service import Service

EVENT = {"routeKey": "GET /x", "pathParameters": {"name": "t"}}


@pytest.fixture
def without_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class Decoded:
    """A value that a route made of the body of a request."""


class Unrepeated(RequestInvalid):
    """An error whose traceback is removed once; without this, a test of a cycle would never end."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "__traceback__" and self.__traceback__ is None:
            raise AssertionError("the traceback is removed a second time")
        super().__setattr__(name, value)


def after_its_cause(_: Decoded) -> None:
    failure = RequestInvalid("twice")
    try:
        raise failure
    except RequestInvalid as error:
        raise RequestInvalid("too many ids") from error


def its_own_cause(_: Decoded) -> None:
    error = Unrepeated("again")
    raise error from error


def raised_again_by_what_it_caused(_: Decoded) -> None:
    first = Unrepeated("first")
    try:
        try:
            raise first
        except Unrepeated:
            raise Unrepeated("second") from first
    except Unrepeated:
        raise first  # noqa: B904  its context is the second error, whose cause it is


def beside_its_cause(_: Decoded) -> None:
    context = ValueError("before")
    try:
        raise context
    except ValueError:
        raise RequestInvalid("after") from KeyError("another cause")


CASES = [after_its_cause, its_own_cause, raised_again_by_what_it_caused, beside_its_cause]


@pytest.mark.parametrize("fail", CASES)
@pytest.mark.usefixtures("without_garbage_collection")
def test_a_refused_request_leaves_nothing_in_memory(fail: Callable[[Decoded], None]) -> None:
    decoded: list[weakref.ref[Decoded]] = []

    def refuse(_: Request, __: Service) -> Reply:
        value = Decoded()
        decoded.append(weakref.ref(value))
        fail(value)
        return Reply()

    answer = handler.handler({"GET /x": Route(refuse, None)}, services.a_service, lambda: None)(EVENT, None)
    assert answer["statusCode"] == 422
    assert [value() for value in decoded] == [None]
