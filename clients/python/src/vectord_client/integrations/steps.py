"""Operations on an index as generators of steps, so that sync and async adapters share one implementation.

An operation yields a step for each request to the index and gets its answer, or its error raised. `run` makes the
requests on an `Index`. `arun` makes them on an `AsyncIndex`, whose methods have the same names and parameters.
"""

from collections.abc import AsyncIterable, Callable, Generator, Iterable
from typing import Any, TypeVar, cast

import msgspec

from vectord_client.async_index import AsyncIndex
from vectord_client.errors import VectordError
from vectord_client.index import Index
from vectord_client.values import Row

T = TypeVar("T")


class Call(msgspec.Struct, frozen=True):
    """One call of a method of the index."""

    method: Callable[[Index], Any]


class EachRow(msgspec.Struct, frozen=True):
    """One listing of rows; `visit` is called with each of them."""

    rows: Callable[[Index], Iterable[Row]]
    visit: Callable[[Row], object]


Step = Call | EachRow
Steps = Generator[Step, Any, T]


def run(steps: Steps[T], index: Index) -> T:
    """Run an operation on `index` and return its result."""
    try:
        step = next(steps)
        while True:
            try:
                answer = _make(step, index)
            except VectordError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return cast(T, end.value)


async def arun(steps: Steps[T], index: AsyncIndex) -> T:
    """Run an operation on `index` and return its result, as `run` does."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _make_async(step, index)
            except VectordError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        return cast(T, end.value)


def _make(step: Step, index: Index) -> Any:
    if isinstance(step, Call):
        return step.method(index)
    for row in step.rows(index):
        step.visit(row)
    return None


async def _make_async(step: Step, index: AsyncIndex) -> Any:
    """Make a step's request. The casts are sound, because a test compares the methods of the two classes."""
    same = cast(Index, index)
    if isinstance(step, Call):
        return await step.method(same)
    async for row in cast(AsyncIterable[Row], step.rows(same)):
        step.visit(row)
    return None
