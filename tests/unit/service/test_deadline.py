"""A request that takes long ends at its deadline: with an error that says so, and without a change."""

from collections.abc import Callable
from itertools import count

import msgspec
import numpy as np
import pytest

from tests.support.services import FOREVER, a_query, a_service
from vectord.errors import DeadlineExceeded
from vectord.index.query.query import Query
from vectord.index.query.values import Order
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.environment import Environment
from vectord.service.values.options import UNCONDITIONAL, Deadline, NewIndex
from vectord.service.values.selection import FacetQuery, ListQuery, Patch, Selection

ROWS = 40
LONG = "x" * 200  # columns have only a part of it, so that documents decide
MATCHES = '{"text": {"$glob": "*[y]"}}'
EQUAL = f'{{"text": "{LONG}7y"}}'
EVERY = '{"a": 1}'

type Use = Callable[[Service, Deadline], object]


class Ticking:
    """A clock that advances one second each time it is read."""

    def __init__(self) -> None:
        self._ticks = count(1)
        self.time = 0

    def now(self) -> float:
        self.time = next(self._ticks)
        return float(self.time)


def filled(shards: int) -> tuple[Service, Ticking]:
    """Return a service whose index `t` has ROWS rows, and its clock."""
    clock = Ticking()
    service = a_service(environment=Environment(now=clock.now))
    service.create(NewIndex("t", 2, shards=shards), FOREVER)
    rows = [
        NewVector(
            f"id {row}", np.array([1.0, row]), msgspec.Raw(msgspec.json.encode({"text": f"{LONG}{row}y", "a": 1}))
        )
        for row in range(ROWS)
    ]
    service.add("t", rows, FOREVER)
    return service, clock


READS: dict[str, Use] = {
    "search": lambda service, deadline: service.search("t", a_query(np.array([1.0, 0.0]), 1, filter=MATCHES), deadline),
    "search of many vectors": lambda service, deadline: service.search(
        "t", Query(1, (np.float32([1, 0]),) * ROWS), deadline
    ),
    "recall": lambda service, deadline: service.recall("t", a_query(np.array([1.0, 0.0]), 1, filter=MATCHES), deadline),
    "count": lambda service, deadline: service.count("t", MATCHES, deadline),
    "count of equal texts": lambda service, deadline: service.count("t", EQUAL, deadline),
    "list": lambda service, deadline: service.list_vectors("t", ListQuery(1, filter=MATCHES), deadline),
    "facets": lambda service, deadline: service.facets("t", FacetQuery(["text"], 1, MATCHES), deadline),
    "facets of all": lambda service, deadline: service.facets("t", FacetQuery(["text"], 1), deadline),
    "list in order": lambda service, deadline: service.list_vectors("t", ListQuery(1, order=Order("text")), deadline),
    "trial deletion": lambda service, deadline: service.would_delete("t", Selection(filter=MATCHES), deadline),
}
WRITES: dict[str, Use] = {
    "delete": lambda service, deadline: service.delete("t", Selection(filter=MATCHES), deadline),
    "patch": lambda service, deadline: service.patch(
        "t", Selection(filter=MATCHES), Patch(msgspec.Raw(b'{"a": 2}')), deadline, UNCONDITIONAL
    ),
}


@pytest.mark.parametrize(
    ("read", "shards"),
    [(read, shards) for read in READS for shards in (1, 3) if (read, shards) != ("recall", 3)],  # see docs/sharding.md
)
def test_a_read_ends_at_its_deadline_within_the_filter(read: str, shards: int) -> None:
    service, clock = filled(shards)
    before = clock.time
    READS[read](service, FOREVER)
    needed = clock.time - before
    assert needed > ROWS / 2
    with pytest.raises(DeadlineExceeded):
        READS[read](service, Deadline(clock.time + needed / 2))


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_ends_within_its_filter_changes_nothing(write: str) -> None:
    service, clock = filled(1)
    etag = service.describe("t", FOREVER).etag
    with pytest.raises(DeadlineExceeded):
        WRITES[write](service, Deadline(clock.time + ROWS / 2))
    assert service.describe("t", FOREVER).etag == etag
    assert service.count("t", EVERY, FOREVER).count == ROWS
    WRITES[write](service, FOREVER)
    assert service.count("t", EVERY, FOREVER).count == 0


def test_a_write_to_shards_that_ends_within_its_filter_is_not_applied() -> None:
    service, clock = filled(3)
    with pytest.raises(DeadlineExceeded):
        service.delete("t", Selection(filter=MATCHES), Deadline(clock.time + 4))
    assert service.count("t", EVERY, FOREVER).count == ROWS


@pytest.mark.parametrize("shards", [1, 3])
def test_a_write_that_is_prepared_after_its_deadline_changes_nothing(shards: int) -> None:
    service, clock = filled(shards)
    every = Selection(filter="{}")
    for write in (
        lambda: service.delete("t", every, Deadline(clock.time + 1)),
        lambda: service.patch("t", every, Patch(msgspec.Raw(b'{"a": 2}')), Deadline(clock.time + 1)),
    ):
        with pytest.raises(DeadlineExceeded):
            write()
    assert service.count("t", EVERY, FOREVER).count == ROWS
