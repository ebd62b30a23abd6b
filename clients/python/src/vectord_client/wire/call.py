"""A call joins a request and the function that reads its response; a plan is several calls, and computations."""

from collections.abc import Callable, Generator
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


class Work(msgspec.Struct, Generic[T], frozen=True):
    """A computation that may take long, such as embedding texts; coroutines run it in a thread."""

    run: Callable[[], T]


# Calls of which each may depend on the values of those before. An error of a call is raised where it was yielded.
Plan: TypeAlias = Generator[Call[Any] | Work[Any], Any, T]
