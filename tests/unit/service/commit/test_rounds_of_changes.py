"""How many rounds of requests a change of a packed index reads: one for the head, and one for the rest."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.sections import PackedIndex, packed
from tests.support.services import FOREVER, a_service
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds
from vectord.lhv1.section_names import PIECE
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent
from vectord.storage.memory import MemoryStore

DIMENSION, ROWS = 64, 600
SIZES = Thresholds(packed=1, tail_rows=1 << 30, part=300_000)  # more than the bytes of the first read


def rows(first: int, count: int) -> list[Item]:
    drawn = np.random.default_rng(first).standard_normal((count, DIMENSION)).astype(np.float32)
    return [Item(f"{first + number}", vector, None) for number, vector in enumerate(drawn)]


@pytest.fixture(scope="module")
def written() -> PackedIndex:
    """An index with a piece that the next commit writes again."""
    index = packed(rows(0, ROWS), DIMENSION, SIZES)
    index.add(*rows(ROWS, 20))
    assert [entry.name for entry in index.envelope.sections].count(PIECE) == 1
    return index


@pytest.fixture
def service(written: PackedIndex) -> Service:
    """A service with an empty cache."""
    store = MemoryStore(least_part=1)
    store.put("t", written.blob, IfAbsent(), "a-commit")
    return a_service(store, sizes=SIZES)


def add(service: Service, first: int) -> None:
    service.add("t", [NewVector(one.id, one.vector, None) for one in rows(first, 5)], FOREVER)


def rounds(service: Service, change: Callable[[], object]) -> float:
    before = service.environment.meter.value("ReadRounds")
    change()
    return service.environment.meter.value("ReadRounds") - before


def test_a_first_add_reads_ids_and_what_it_writes_again_in_one_round(service: Service) -> None:
    assert rounds(service, lambda: add(service, 10_000)) == 2


def test_a_second_add_reads_only_the_head(service: Service) -> None:
    add(service, 10_000)
    assert rounds(service, lambda: add(service, 20_000)) == 1


def test_a_first_delete_of_ids_that_do_not_exist_reads_no_piece(service: Service) -> None:
    before = service.environment.meter.value("ReadBytes")
    service.delete("t", Selection(["none"]), FOREVER)
    assert service.environment.meter.value("ReadBytes") - before < 90_000
