"""A page of large documents needs little more memory than the page: the others are not read."""

import tracemalloc
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from tests.support.sections import PACKED
from tests.support.services import FOREVER, a_query, a_service
from vectord.index.query.values import Order
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import ListQuery, Members

ROWS, SIZE = 96, 250_000  # documents, and bytes of each
PAGE = Members(vectors=False, size=1_000_000)
IDS = [f"{row:02}" for row in range(ROWS)]

type Use = Callable[[Service], object]

USES: dict[str, Use] = {
    "get": lambda service: service.get("t", IDS, FOREVER, members=PAGE),
    "list": lambda service: service.list_vectors("t", ListQuery(ROWS, members=PAGE), FOREVER),
    "list in order": lambda service: service.list_vectors(
        "t", ListQuery(ROWS, members=PAGE, order=Order("n")), FOREVER
    ),
    "search": lambda service: service.search(
        "t", a_query(np.array([1.0, 0.0]), ROWS, paged=True, max_bytes=PAGE.size), FOREVER
    ),
}


@pytest.fixture(scope="module")
def service() -> Service:
    found = a_service(sizes=PACKED)
    found.create(NewIndex("t", 2), FOREVER)
    text = "x" * SIZE
    rows = [
        NewVector(vector_id, np.array([1.0, row]), msgspec.Raw(msgspec.json.encode({"n": row, "text": text})))
        for row, vector_id in enumerate(IDS)
    ]
    found.add("t", rows, FOREVER)
    return found


@pytest.mark.parametrize("use", USES)
def test_a_page_needs_memory_for_few_documents(service: Service, use: str) -> None:
    USES[use](service)  # fills the caches
    tracemalloc.start()
    try:
        USES[use](service)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < ROWS * SIZE / 3
