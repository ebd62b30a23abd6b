"""The functions over a folder answer in several threads at once, but the first request of each route alone."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from vectord_client.embedded.transport import Gateway

THREADS = 3


@pytest.fixture
def together(gateway: Gateway) -> Barrier:
    """Replace a function by one whose calls return once several are made at the same time, or after a moment."""
    barrier = Barrier(THREADS)

    def meet(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        try:
            barrier.wait(event["seconds"])
        except BrokenBarrierError:
            return {"met": False}
        return {"met": True}

    gateway._engine._handlers["search"] = meet
    return barrier


def meetings(gateway: Gateway, route: str, seconds: float) -> list[bool]:
    event = {"routeKey": route, "seconds": seconds}
    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pool.submit(gateway._engine.handle, "search", event, None) for _ in range(THREADS)]
    return [answer.result()["met"] for answer in answers]


def test_the_first_request_of_a_route_is_answered_alone(gateway: Gateway, together: Barrier) -> None:
    assert meetings(gateway, "POST /first", 0.2) == [False] * THREADS


def test_later_requests_of_a_route_are_answered_at_once(gateway: Gateway, together: Barrier) -> None:
    gateway._engine.handle("search", {"routeKey": "POST /later", "seconds": 0.0}, None)
    together.reset()
    assert meetings(gateway, "POST /later", 10.0) == [True] * THREADS
