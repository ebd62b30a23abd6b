"""Two processes that call the API at the same moment, with a boto3 client each."""

import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from time import sleep
from typing import Any

import boto3
from botocore.exceptions import ClientError

WAIT_SECONDS = 60.0

type Call = tuple[str, Mapping[str, Any]]  # a method of the client and its arguments

_state: dict[str, Any] = {}


@dataclass(frozen=True)
class Pair:
    """Both processes."""

    pool: ProcessPoolExecutor

    def race(self, first: Call, second: Call, lead: float = 0.0) -> tuple[str, str]:
        """Let each process make one call, both at once; return `done` or the code of the error for each.

        The first one has a lead of some seconds; if `lead` is negative, the second one has it.
        """
        one = self.pool.submit(_call, *first, max(0.0, -lead))
        two = self.pool.submit(_call, *second, max(0.0, lead))
        return one.result(), two.result()


@contextmanager
def pair() -> Iterator[Pair]:
    """Run two processes until the block is left."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, _prepare, (context.Barrier(2),)) as pool:
        yield Pair(pool)


def _prepare(barrier: Barrier) -> None:
    _state.update(barrier=barrier, client=boto3.client("s3vectors"))


def _call(method: str, arguments: Mapping[str, Any], delay: float) -> str:
    _state["barrier"].wait(WAIT_SECONDS)
    sleep(delay)
    try:
        getattr(_state["client"], method)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
