"""A call joins a request and the function that reads its response; a plan is several calls, and computations."""

from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from vectord_client.wire.request import Request, Response

T = TypeVar("T")


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A request with the function that reads its successful response.

    `idempotent`: the request may be repeated when it is unknown whether it was executed. `writes`: it changes an index.
    """

    request: Request
    read: Callable[[Response], T]
    idempotent: bool = True
    writes: bool = False


class SideBySide(msgspec.Struct, frozen=True):
    """Calls that do not depend on each other, of which up to `most` are in flight.

    The answer is a list of their values or errors, in their order. After the first error no further call begins, so the
    list may be shorter.
    """

    calls: Iterable[Call[Any]]
    most: int


class Work(msgspec.Struct, Generic[T], frozen=True):
    """A computation that may take long, such as embedding texts; coroutines run it in a thread."""

    run: Callable[[], T]


# Calls of which each may depend on the values of those before. The error of a single call is raised at its `yield`.
Plan: TypeAlias = Generator[Call[Any] | SideBySide | Work[Any], Any, T]
